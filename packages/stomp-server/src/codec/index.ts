/**
 * The STOMP 1.0, 1.1 and 1.2 wire codec, for either side of a connection. Pure: bytes in, frames out, and back.
 *
 * It promises that any byte stream yields frames or one StompError, the same for every split into chunks; that limits
 * are checked before memory is taken; and that what it writes, it reads back unchanged. It does not know which side
 * may send which frame, which headers a frame needs, or what they mean: that is the session's.
 */
export { FrameParser } from './frame-parser.ts';
export type { CodecLimits } from './frame-parser.ts';
export type { Frame } from './frame.ts';
export { FrameWriter, writeError } from './frame-writer.ts';
export type { ErrorFrame, FrameWriterOptions } from './frame-writer.ts';
export { encodeFrame } from './encode-frame.ts';
export type { FrameToEncode } from './encode-frame.ts';
export { HeaderNameSet, stripHeaders, transcodeHeaderBlock } from './header-block.ts';
export { HeaderSearch } from './header-search.ts';
export { StompError } from './stomp-error.ts';
export type { StompErrorCode } from './stomp-error.ts';
export type { ClientCommand, Command, ServerCommand } from './command.ts';
export type { StompVersion } from './escaping.ts';
