// A camera that films nobody: a drawn doctor in a drawn room, for pictures that are shown to others.
(() => {
  const media = navigator.mediaDevices;
  if (!media) return;
  const open = media.getUserMedia.bind(media);
  const { wall, coat, hair } = CAMERA;
  media.getUserMedia = async (wanted) => {
    const sound = wanted.audio ? await open({ audio: wanted.audio }) : new MediaStream();
    return wanted.video ? new MediaStream([...film().getVideoTracks(), ...sound.getAudioTracks()]) : sound;
  };
  function film() {
    const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 360 });
    const at = canvas.getContext("2d", { alpha: false });
    const oval = (colour, x, y, rx, ry) => {
      at.fillStyle = colour;
      at.beginPath();
      at.ellipse(x, y, rx, ry, 0, 0, 2 * Math.PI);
      at.fill();
    };
    const draw = () => {
      const sway = 4 * Math.sin(performance.now() / 900);
      at.fillStyle = wall;
      at.fillRect(0, 0, 640, 360);
      at.fillStyle = "rgb(255 255 255 / .16)";
      at.fillRect(40, 30, 150, 190);
      at.fillRect(470, 60, 130, 10);
      at.fillRect(470, 130, 130, 10);
      oval(coat, 320 + sway, 390, 165, 150);
      oval("#e7c3a2", 320 + sway, 245, 30, 42);
      oval(hair, 320 + sway, 150, 74, 84);
      oval("#efcfb0", 320 + sway, 165, 60, 74);
      at.fillStyle = "#7d8b94";
      at.fillRect(300 + sway, 278, 40, 90);
    };
    draw();
    const timer = setInterval(draw, 80);
    const stream = canvas.captureStream(12);
    stream.getVideoTracks()[0].addEventListener("ended", () => clearInterval(timer));
    return stream;
  }
})();
