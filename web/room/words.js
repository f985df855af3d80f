// What the page says, in Vietnamese and in English.
//
// Rules: every word that a person reads stands here, in both languages; a refusal is said by its code, and what is not
// known here is said in the API's own words with the code beside it.

/** @type {Record<string, [string, string]>} Vietnamese, English */
const WORDS = {
  title: ["Phòng hội chẩn từ xa", "Teleconsultation room"],
  consultation: ["Hội chẩn từ xa", "Teleconsultation"],
  examination: ["Khám từ xa", "Remote examination"],
  language: ["English", "Tiếng Việt"],
  skip: ["Đến hình đang xem", "Skip to the picture"],
  // Sign in
  signIn: ["Vào phòng", "Enter the room"],
  signInWhy: [
    "Mở phòng từ hệ thống của cơ sở, hoặc nhập mã truy cập và mã buổi hội chẩn.",
    "Open the room from your facility's system, or enter your access token and the consultation's id.",
  ],
  token: ["Mã truy cập", "Access token"],
  consultationId: ["Mã buổi hội chẩn", "Consultation id"],
  go: ["Tiếp tục", "Continue"],
  // Lobby
  ready: ["Chuẩn bị vào phòng", "Get ready"],
  camera: ["Camera", "Camera"],
  microphone: ["Micrô", "Microphone"],
  noCamera: ["Không dùng camera", "No camera"],
  noMicrophone: ["Không dùng micrô", "No microphone"],
  ultrasound: ["Siêu âm", "Ultrasound"],
  noUltrasound: ["Không gửi siêu âm", "No ultrasound"],
  equipment: ["Đây là thiết bị chung của điểm cầu", "This is the shared equipment of the point"],
  observe: ["Chỉ theo dõi, không phát hình và tiếng", "Only observe, send no picture and no sound"],
  join: ["Vào phòng", "Join"],
  joining: ["Đang vào phòng…", "Joining…"],
  cameraDenied: [
    "Trình duyệt không cho dùng camera hoặc micrô. Hãy cho phép ở thanh địa chỉ, hoặc vào phòng không có hình.",
    "The browser does not allow the camera or the microphone. Allow them in the address bar, or join without.",
  ],
  preview: ["Hình của bạn", "Your picture"],
  previewOff: ["Camera đang tắt", "Camera is off"],
  // States
  waitingOpen: ["Buổi hội chẩn chưa mở", "The consultation is not open yet"],
  waitingOpenWhy: [
    "Giữ trang này mở: bạn sẽ tự động vào phòng khi chủ toạ mở buổi hội chẩn.",
    "Keep this page open: you will come in by yourself when the chair opens the consultation.",
  ],
  waitingPicture: ["Chưa có hình", "No picture yet"],
  waitingPictureWhy: ["Hình sẽ hiện khi một điểm cầu phát.", "It appears when a point sends one."],
  refused: ["Không vào được phòng", "You cannot come in"],
  putOut: ["Bạn không còn trong phòng", "You are no longer in the room"],
  again: ["Thử lại", "Try again"],
  signInAgain: ["Đăng nhập lại", "Sign in again"],
  ended: ["Phiên trực tuyến đã kết thúc", "The session has ended"],
  endedWhy: ["Cảm ơn bạn. Có thể đóng trang này.", "Thank you. You may close this page."],
  left: ["Bạn đã rời phòng", "You left the room"],
  backIn: ["Vào lại", "Come back in"],
  reconnecting: ["Đang nối lại…", "Reconnecting…"],
  reconnectingWhy: ["Đường truyền bị gián đoạn. Hình cuối được giữ lại.", "The line broke. You see the last picture."],
  offline: ["Máy này đang mất mạng", "This computer is offline"],
  apiDown: ["Mất liên lạc với hệ thống; hình và tiếng vẫn chạy", "No contact to the system; picture and sound go on"],
  weakLine: ["Đường truyền yếu: hình được giảm, tiếng được giữ", "Weak line: the picture is reduced, the sound is kept"],
  // Quality
  good: ["Tốt", "Good"],
  weak: ["Yếu", "Weak"],
  poor: ["Kém", "Poor"],
  lost: ["Mất", "Lost"],
  line: ["Đường truyền", "Line"],
  TWO_WAY_HD: ["Hình đầy đủ", "Full picture"],
  LOW: ["Hình giảm", "Reduced picture"],
  AUDIO: ["Chỉ tiếng", "Sound only"],
  CHAT_AND_STILLS: ["Chỉ chữ và ảnh", "Text and stills only"],
  perSecond: ["hình/giây", "fps"],
  loss: ["mất gói", "loss"],
  // Picture
  notForDiagnosis: ["Không dùng để chẩn đoán", "Not for diagnosis"],
  forDiagnosis: ["Đạt chất lượng chẩn đoán", "Diagnostic quality"],
  frozen: ["Đã dừng hình", "Frozen"],
  screen: ["Màn hình", "Screen"],
  you: ["Bạn", "You"],
  chair: ["Chủ toạ", "Chair"],
  floor: ["Đang phát biểu", "Has the floor"],
  observer: ["Theo dõi", "Observer"],
  speaking: ["Đang nói", "Speaking"],
  away: ["Mất liên lạc", "Line lost"],
  notThere: ["Chưa vào", "Not here yet"],
  pinned: ["Đang xem lớn", "Shown large"],
  show: ["Xem lớn", "Show large"],
  follow: ["Tự chọn hình", "Choose by itself"],
  fill: ["Toàn màn hình", "Full screen"],
  sound: ["Bật tiếng", "Turn on the sound"],
  // Tools
  tools: ["Công cụ trên hình", "Tools on the picture"],
  freeze: ["Dừng hình", "Freeze"],
  release: ["Chạy tiếp", "Run on"],
  pointer: ["Con trỏ", "Pointer"],
  freehand: ["Vẽ tay", "Draw"],
  arrow: ["Mũi tên", "Arrow"],
  ellipse: ["Khoanh vùng", "Circle"],
  clear: ["Xoá nét vẽ", "Clear drawings"],
  still: ["Chụp ảnh", "Take a still"],
  stillTaken: ["Ảnh đã vào hồ sơ khám, không nén mất dữ liệu", "Stored in the examination, lossless"],
  stillKeyFrame: ["Ảnh đã vào hồ sơ khám, từ khung hình chính", "Stored in the examination, from a key frame"],
  stillTaking: ["Đang chụp…", "Taking…"],
  // Bar
  mute: ["Tắt micrô", "Mute"],
  unmute: ["Bật micrô", "Unmute"],
  cameraOff: ["Tắt camera", "Camera off"],
  cameraOn: ["Bật camera", "Camera on"],
  ultrasoundOn: ["Phát siêu âm", "Send ultrasound"],
  ultrasoundOff: ["Ngừng siêu âm", "Stop ultrasound"],
  screenOn: ["Phát màn hình", "Share screen"],
  screenOff: ["Ngừng màn hình", "Stop sharing"],
  hand: ["Xin phát biểu", "Ask for the floor"],
  handDown: ["Hạ tay", "Lower hand"],
  chat: ["Trao đổi", "Chat"],
  people: ["Người dự", "People"],
  record: ["Ghi hình", "Recording"],
  leave: ["Rời phòng", "Leave"],
  close: ["Đóng", "Close"],
  // Chat
  message: ["Nội dung", "Message"],
  send: ["Gửi", "Send"],
  chatEmpty: ["Chưa có tin. Nội dung trao đổi là một phần của hồ sơ.", "Nothing yet. What is written here belongs to the record."],
  chatAway: ["Kênh trao đổi chưa sẵn sàng.", "The chat is not ready."],
  chatObserver: ["Người theo dõi chỉ đọc.", "Observers only read."],
  unread: ["tin mới", "new"],
  // People
  inRoom: ["Trong phòng", "In the room"],
  invited: ["Điểm cầu được mời", "Invited points"],
  giveFloor: ["Mời phát biểu", "Give the floor"],
  asks: ["xin phát biểu", "asks for the floor"],
  asksShort: ["Xin nói", "Asks"],
  remove: ["Mời ra", "Remove"],
  removeWhy: ["Lý do mời ra (được ghi vào hồ sơ)", "Why (it goes into the record)"],
  removed: ["Đã mời ra", "Removed"],
  readmit: ["Cho vào lại", "Let back in"],
  cancel: ["Thôi", "Cancel"],
  silence: ["Tắt tiếng", "Silence"],
  unsilence: ["Cho nói lại", "Let speak"],
  silenced: ["Đã bị tắt tiếng", "Silenced"],
  silencedYou: ["Chủ toạ đã tắt tiếng của bạn", "The chair has silenced you"],
  // Recording
  recordingOn: ["Đang ghi", "Recording"],
  recordingStarting: ["Sắp ghi", "About to record"],
  recordingOff: ["Không ghi", "Not recording"],
  recordingFailed: ["Ghi hình bị lỗi", "Recording failed"],
  recordingWhy: [
    "Chỉ ghi khi mọi người trên hình hoặc tiếng đều đồng ý. Ai cũng có thể rút lại bất cứ lúc nào.",
    "Nothing is recorded unless everybody on the picture or sound agrees. Anybody can take it back at any time.",
  ],
  consentAsk: ["Bạn có đồng ý cho ghi hình và tiếng của bạn không?", "May your picture and sound be recorded?"],
  consentYes: ["Đồng ý", "I agree"],
  consentNo: ["Không đồng ý", "I do not agree"],
  consentBack: ["Rút lại đồng ý", "Take my consent back"],
  consented: ["Đã đồng ý", "Agreed"],
  notConsented: ["Chưa đồng ý", "Not agreed"],
  patientConsent: ["Mã phiếu đồng ý của người bệnh", "Id of the patient's consent"],
  patientConsentSave: ["Ghi nhận", "Record it"],
  startRecording: ["Bắt đầu ghi", "Start recording"],
  stopRecording: ["Dừng ghi", "Stop recording"],
  pictureOf: ["Hình", "Picture"],
  soundOf: ["Tiếng", "Sound"],
  onlyChair: ["Chủ toạ quyết định việc ghi hình.", "The chair decides about recording."],
  leaveSure: ["Rời phòng?", "Leave the room?"],
  stay: ["Ở lại", "Stay"],
  joined: ["đã vào phòng", "came in"],
  gone: ["đã rời phòng", "left"],
  lineLost: ["mất liên lạc", "lost the line"],
};

/** @type {Record<string, [string, string]>} */
const CODES = {
  TOKEN_MISSING: ["Chưa đăng nhập.", "You are not signed in."],
  TOKEN_EXPIRED: ["Phiên đăng nhập đã hết hạn.", "Your sign-in has run out."],
  TOKEN_INVALID: ["Mã truy cập không hợp lệ.", "The access token is not valid."],
  POINT_NOT_INVITED: ["Cơ sở của bạn không được mời vào buổi này.", "Your facility was not invited."],
  POINT_NOT_JOINED: ["Điểm cầu của bạn chưa vào buổi hội chẩn.", "Your point has not joined the consultation."],
  POINT_NOT_CONFIRMED: ["Điểm cầu của bạn chưa xác nhận tham dự.", "Your point has not confirmed."],
  CARE_NOT_UNDER_WAY: ["Buổi hội chẩn hoặc ca khám chưa mở hoặc đã kết thúc.", "The consultation or examination is not open, or over."],
  NOT_FOUND: ["Không có buổi hội chẩn hoặc ca khám này.", "There is no such consultation or examination."],
  NOT_YOUR_FACILITY: ["Cơ sở của bạn không tham gia ca khám này.", "Your facility has no part in this examination."],
  ROLE_NOT_ALLOWED: ["Vai trò của bạn không được làm việc này.", "Your role may not do this."],
  ACCESS_DENIED: ["Vai trò của bạn không được xem phòng này.", "Your role does not open this room."],
  OBSERVERS_ARE_SILENT: ["Người theo dõi không phát và không vẽ.", "Observers neither send nor draw."],
  NOT_THE_CHAIR: ["Chỉ chủ toạ làm được việc này.", "Only the chair can do this."],
  REMOVED_FROM_THE_ROOM: ["Chủ toạ đã mời bạn ra khỏi phòng.", "The chair removed you from the room."],
  PARTICIPANT_ID_TAKEN: ["Chỗ này thuộc về người khác. Hãy mở lại trang.", "This seat is somebody else's. Open the page anew."],
  PARTICIPANT_NOT_PRESENT: ["Chưa nối xong, hãy thử lại sau giây lát.", "You are not connected yet; try again in a moment."],
  NO_ULTRASOUND_HERE: ["Ca khám có siêu âm này chưa bắt đầu ở điểm cầu của bạn.", "No started examination with this ultrasound at your point."],
  DEVICE_NOT_CONNECTED: ["Thiết bị chưa được kết nối vào ca khám.", "The device is not connected in the examination."],
  NO_RECORDING_CONSENT: ["Chưa có đồng ý ghi hình còn hiệu lực.", "There is no consent to recording in force."],
  EVERYBODY_HAS_TO_CONSENT: ["Còn người trên hình chưa đồng ý.", "Somebody on the picture has not agreed."],
  PICTURE_WITHHELD: ["Quy định không cho lưu ảnh này.", "The rules withhold this picture."],
  PICTURE_ALREADY_FROZEN: ["Hình đã được dừng.", "The picture is frozen already."],
  NO_STILL: ["Chưa chụp được ảnh, hãy thử lại.", "No still came of it; try again."],
  STILL_TOO_SMALL: ["Ảnh nhỏ hơn hình đang phát, hãy thử lại.", "The still is smaller than what is sent; try again."],
  NOTHING_IS_LIVE: ["Nguồn này hiện không phát.", "Nothing is sent here now."],
  WORKER_FULL: ["Máy chủ hình ảnh đang đầy.", "The media worker is full."],
  TOO_MANY_JOIN: ["Nhiều người vào cùng lúc, đang chờ lượt.", "Many join at once; waiting for a turn."],
  UNAVAILABLE: ["Hệ thống đang bận, hãy thử lại.", "The system is busy; try again."],
  CHANNEL_NOT_OPEN: ["Kênh trao đổi chưa sẵn sàng.", "The chat is not ready."],
  NOT_ADMITTED: ["Bạn chưa được nhận vào phòng.", "You were not admitted to the room."],
  UNREACHABLE: ["Không liên lạc được với hệ thống.", "The system cannot be reached."],
  NotAllowedError: ["Trình duyệt không cho phép.", "The browser does not allow it."],
  NotFoundError: ["Không tìm thấy thiết bị.", "No such device was found."],
  NotReadableError: ["Thiết bị đang được chương trình khác dùng.", "Another program uses the device."],
};

let at = 0;

/** @param {"vi" | "en"} language */
export function speak(language) {
  at = language === "en" ? 1 : 0;
  document.documentElement.lang = language;
}

export const language = () => (at ? "en" : "vi");

/** @param {string} word */
export const say = (word) => WORDS[word]?.[at] ?? word;

/** What a fault means, with its code. @param {any} fault @returns {{code: string, text: string}} */
export function explain(fault) {
  const code = fault?.code && typeof fault.code === "string" ? fault.code : fault?.name === "Error" ? "UNREACHABLE" : fault?.name ?? "UNREACHABLE";
  return { code, text: CODES[code]?.[at] ?? fault?.message ?? "" };
}

/** @param {{nameVi: string, nameEn: string | null} | null | undefined} facility @param {string} otherwise */
export const named = (facility, otherwise) => (at && facility?.nameEn) || facility?.nameVi || otherwise;
