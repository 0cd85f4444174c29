import { crc32, deflateSync } from 'node:zlib';

const SIDE = 96;
const SAMPLE_RATE = 8_000;
const SAMPLES = SAMPLE_RATE / 4;
const PITCH_HZ = 440;

/** A small colour gradient as PNG. */
export function picture(): Buffer {
  const rows = Array.from({ length: SIDE }, (_, y) => [
    0,
    ...Array.from({ length: SIDE }, (_row, x) => [(x * 255) / SIDE, (y * 255) / SIDE, 160]).flat(),
  ]);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(SIDE, 0);
  header.writeUInt32BE(SIDE, 4);
  header.set([8, 2], 8); // 8 bits a channel, RGB
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.from(rows.flat()))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  framed.set(body, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}

/** A quarter of a second of a sine wave as WAV, 8 bits mono. */
export function tone(): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + SAMPLES, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20); // PCM
  header.writeUInt16LE(1, 22); // one channel
  header.writeUInt32LE(SAMPLE_RATE, 24);
  header.writeUInt32LE(SAMPLE_RATE, 28);
  header.writeUInt16LE(1, 32);
  header.writeUInt16LE(8, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(SAMPLES, 40);
  const samples = Array.from(
    { length: SAMPLES },
    (_, n) => 128 + 100 * Math.sin((n / SAMPLE_RATE) * PITCH_HZ * 2 * Math.PI),
  );
  return Buffer.concat([header, Buffer.from(samples)]);
}
