import { DEFAULT_LIMITS } from '../../protocol/resp/limits.js';
import { RespReader } from '../../protocol/resp/reader.js';
import { encodeBulk, RespWriter } from '../../protocol/resp/writer.js';
import { readOptions } from '../support/options.js';
import { type Contestant, inTurn } from '../support/rounds.js';
import { printTable } from '../support/table.js';

export const name = 'resp-codec';
export const summary = 'ns to parse and to answer one HMGET of 10 fields; --pipeline --rounds';

/** Commands in one measurement. */
const COMMANDS = 100_000;
/** Lengths of the values in an answer: what flags, numbers and short words take. */
const LENGTHS = [1, 1, 6, 7, 9, 2, 1, 12, 8, 5];
/** What a socket hands over at once. */
const CHUNK = 65_536;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz'.repeat(40);

/** Prints a line for parsing whole and cut input, and one for each way to write. */
export async function run(args: readonly string[]): Promise<void> {
  const { pipeline, rounds } = readOptions(args, { pipeline: 64, rounds: 15 });
  const shared = new Uint8Array(new SharedArrayBuffer(LETTERS.length));
  shared.set(Buffer.from(LETTERS));
  const texts = LENGTHS.map((length) => LETTERS.slice(0, length));
  const replies = texts.map(encodeBulk);
  const timings = await inTurn(
    [
      parsing(`parse HMGET of 10, ${pipeline} in a chunk`, pipeline, Number.POSITIVE_INFINITY),
      parsing(`parse HMGET of 10, chunks of ${CHUNK}`, 10_000, CHUNK),
      answering('write 10 bulkBytes', pipeline, (out, i) =>
        out.bulkBytes(shared, i * 16, i * 16 + LENGTHS[i]!),
      ),
      answering('write 10 bulkString', pipeline, (out, i) => out.bulkString(texts[i]!)),
      answering('write 10 raw', pipeline, (out, i) => out.raw(replies[i]!)),
      answering('write 10 null', pipeline, (out) => out.null()),
      answering('write 10 bulkInteger', pipeline, (out, i) => out.bulkInteger(i * 37)),
      // On both sides of the size where copying byte by byte gives way to a native copy.
      ...[48, 49, 200, 1000].map((size) =>
        answering(`write 10 bulkBytes of ${size}`, pipeline, (out) => out.bulkBytes(shared, 0, size)),
      ),
    ],
    rounds,
  );
  printTable(
    ['work', 'ns per command', 'least', 'most'],
    timings.map((timing) => [timing.name, timing.median, timing.least, timing.most]),
  );
}

/** Parses `count` different commands again and again, in chunks of at most `size` bytes. */
function parsing(name: string, count: number, size: number): Contestant {
  const commands = Buffer.concat(Array.from({ length: count }, (_, i) => command(i)));
  const chunks: Buffer[] = [];
  for (let at = 0; at < commands.length; at += size) chunks.push(commands.subarray(at, at + size));
  const reader = new RespReader(DEFAULT_LIMITS);
  return {
    name,
    run() {
      let parsed = 0;
      while (parsed < COMMANDS) {
        for (const chunk of chunks) {
          reader.feed(chunk);
          while (reader.next()) parsed++;
        }
      }
      return parsed;
    },
  };
}

function command(i: number): Buffer {
  const fields = Array.from({ length: 10 }, (_, k) => `tag${(i * 31 + k * 17) % 200}`);
  const words = ['HMGET', `user:u${String((i * 7919) % 100_000).padStart(6, '0')}`, ...fields];
  return Buffer.from(`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`);
}

/** Writes arrays of ten values, `pipeline` of them into one output. */
function answering(name: string, pipeline: number, write: (out: RespWriter, i: number) => void): Contestant {
  const out = new RespWriter();
  return {
    name,
    run() {
      for (let answered = 0; answered < COMMANDS; answered++) {
        if (answered % pipeline === 0) out.reset();
        out.array(10);
        for (let i = 0; i < 10; i++) write(out, i);
      }
      return COMMANDS;
    },
  };
}
