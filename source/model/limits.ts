/** Every limit in one place. Sizes in bytes, times in ms, unless the name says otherwise. */
export const limits = {
  /** Frames: checked before a byte of the payload is buffered. */
  frameBytesBeforeWelcome: 64 * 1024,
  frameBytes: 8 * 1024 * 1024,
  messagesPerFrame: 65_536,
  /** A peer that has not finished its hello by then is closed. */
  helloMs: 5_000,
  /** A peer that began a frame and has not ended it by then is closed. */
  frameMs: 30_000,
  unauthenticatedPeers: 128,
  /** So long a node takes the ticket of a task. */
  ticketMs: 5_000,
  /** What may wait in memory for a peer that does not read; beyond it the peer is closed. */
  peerBacklogBytes: 16 * 1024 * 1024,

  nameLength: 64,
  textLength: 4_096,
  reasonLength: 256,
  /** Of one coordinator, those that ended not long ago included. */
  tokens: 10_000,
  labels: 64,
  resources: 32,
  slots: 65_535,
  nodes: 20_000,
  nodesPerRequest: 20_000,

  jobs: 1_000_000,
  tasksPerJob: 10_000_000,
  /** One submission's items (lines or JSON inputs) altogether. */
  itemsBytes: 512 * 1024 * 1024,
  itemBytes: 1024 * 1024,
  itemsPerUpload: 65_536,
  arguments: 65_536,
  argumentBytes: 1024 * 1024,
  environment: 1_024,
  stdinBytes: 4 * 1024 * 1024,
  inputDepth: 64,
  attempts: 65_535,
  after: 1_024,
  keyLength: 256,
  priority: 1_000_000,

  /** Rows of one batch of assignments, starts, ends. */
  rowsPerMessage: 65_536,
  /** A built-in task's or handler's result, as JSON text. */
  resultBytes: 1024 * 1024,
  /** What `results` gives of each stream; longer ones are marked `truncated`. */
  resultStreamBytes: 64 * 1024,
  /** Kept of each stream of a task; the rest is counted and marked as cut. */
  outputBytesPerStream: 64 * 1024 * 1024,
  /** Kept of all tasks of a job together; the rest is marked as cut as well. */
  outputBytesPerJob: 8 * 1024 * 1024 * 1024,
  /** One piece of output on the wire. */
  outputPieceBytes: 256 * 1024,
  /** Output that a node may have sent of one stream before the coordinator has stored it. */
  outputWindowBytes: 1024 * 1024,
  /** All outputs that a coordinator without a data directory keeps; the oldest ended tasks' go first. */
  outputMemoryBytes: 256 * 1024 * 1024,
  pageRows: 10_000,
  windowRows: 1_000,
  eventsKept: 10_000,
} as const;

/** Who shows wrong secrets waits before the next one is looked at. Times in ms. */
export const wrongKeyWaits = {
  /** So many cost nothing: somebody took the wrong file. */
  free: 3,
  /** Doubled with each further one. */
  firstMs: 50,
  /** Short enough for one who belongs here and comes from the same address. */
  mostMs: 2_000,
  forgottenMs: 60_000,
  /** So many addresses are remembered, the last ones. */
  hosts: 1_024,
} as const;

/** The rhythm of heartbeats and what silence means. All in ms. */
export const liveness = {
  heartbeatMs: 1_000,
  suspectAfterMs: 3_000,
  lostAfterMs: 15_000,
  /** After the connection broke without goodbye. */
  lostAfterDropMs: 5_000,
  /** After the coordinator itself started again: nodes wait up to 15 s between two tries to connect. */
  lostAfterRestartMs: 20_000,
  tickMs: 250,
  /** A tick that comes later than this says that we stalled: silence in that time is not the nodes'. */
  stallMs: 1_000,
} as const;

/** How a task's processes are ended. All in ms. */
export const killing = {
  /** Between SIGTERM and SIGKILL. */
  graceMs: 10_000,
  unkillableAfterMs: 60_000,
} as const;
