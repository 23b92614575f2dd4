import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { outboundFailure } from './problems.ts';

/** What we ask for; others are refused when they come unasked. */
export const ACCEPTED_ENCODINGS = 'gzip, deflate, br';

const gunzip = promisify(zlib.gunzip);
const inflate = promisify(zlib.inflate);
const inflateRaw = promisify(zlib.inflateRaw);
const unbrotli = promisify<Buffer, zlib.BrotliOptions, Buffer>(zlib.brotliDecompress);

/**
 * Reads a body of at most `maxBytes`, counted on the wire and again decompressed: a bomb stops at
 * the limit, not after it has been unfolded.
 */
export async function readBody(
  chunks: AsyncIterable<Uint8Array>,
  options: { headers: Record<string, string>; maxBytes: number },
): Promise<Uint8Array> {
  const { headers, maxBytes } = options;
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > maxBytes) throw outboundFailure('outbound-too-large');
    parts.push(chunk);
  }
  const wire = Buffer.concat(parts, size);
  if (size === 0) return wire;
  return decompress(
    wire,
    (headers['content-encoding'] ?? 'identity').trim().toLowerCase(),
    maxBytes,
  );
}

async function decompress(wire: Buffer, encoding: string, maxBytes: number): Promise<Uint8Array> {
  const limit = { maxOutputLength: maxBytes };
  try {
    switch (encoding) {
      case 'identity':
      case '':
        return wire;
      case 'gzip':
      case 'x-gzip':
        return await gunzip(wire, limit);
      case 'br':
        return await unbrotli(wire, limit);
      case 'deflate':
        // Some hosts send bare deflate data where RFC 9110 §8.4.1.2 means the zlib format.
        return await ((wire[0] ?? 0) % 16 === 8 ? inflate(wire, limit) : inflateRaw(wire, limit));
      default:
        throw outboundFailure('outbound-encoding');
    }
  } catch (error) {
    const tooLarge =
      error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    throw outboundFailure(tooLarge ? 'outbound-too-large' : 'outbound-encoding');
  }
}
