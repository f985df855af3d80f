// A capture card with an ultrasound behind it, as a browser sees one: a camera of its own name, that plays a real loop.
(() => {
  const { frames, width, height, fps } = SCANNER;
  const id = "scanner-of-the-test";
  const media = navigator.mediaDevices;
  if (!media) return;
  const list = media.enumerateDevices.bind(media);
  const open = media.getUserMedia.bind(media);
  media.enumerateDevices = async () => [
    ...(await list()),
    { deviceId: id, kind: "videoinput", label: "Capture card: ultrasound", groupId: id, toJSON() { return this; } },
  ];
  media.getUserMedia = async (wanted) => {
    const device = wanted?.video?.deviceId?.exact ?? wanted?.video?.deviceId;
    return device === id ? scan() : open(wanted);
  };
  async function scan() {
    const pictures = await Promise.all(frames.map(async (one) => {
      const image = new Image();
      image.src = one;
      await image.decode();
      return image;
    }));
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const at = canvas.getContext("2d", { alpha: false });
    at.imageSmoothingEnabled = true;
    let shown = 0;
    const draw = () => {
      at.fillStyle = "#000";
      at.fillRect(0, 0, width, height);
      const picture = pictures[shown % pictures.length];
      const scale = Math.min(width / picture.width, height / picture.height);
      const [w, h] = [picture.width * scale, picture.height * scale];
      at.drawImage(picture, (width - w) / 2, (height - h) / 2, w, h);
      at.fillStyle = "#fff";
      at.font = `${Math.round(height / 30)}px monospace`;
      at.fillText(`${new Date().toISOString().slice(11, 23)}  #${shown}`, 12, height - 14);
      shown += 1;
    };
    draw();
    const timer = setInterval(draw, 1000 / fps);
    const stream = canvas.captureStream(fps);
    stream.getVideoTracks()[0].addEventListener("ended", () => clearInterval(timer));
    return stream;
  }
})();
