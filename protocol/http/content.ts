/** What bodies are: JSON or MessagePack, as the client says it sends and wants. */
import { Encoder } from '@msgpack/msgpack';
import { SegmentdError } from '../../src/index.js';
import { parseJson } from './json.js';
import { parseMsgpack } from './msgpack.js';

export const JSON_TYPE = 'application/json';
export const MSGPACK_TYPE = 'application/msgpack';

/** Media types of values, the preferred one first. The last two are what MessagePack was called before it had a name. */
export const VALUE_TYPES: readonly string[] = [
  JSON_TYPE,
  MSGPACK_TYPE,
  'application/vnd.msgpack',
  'application/x-msgpack',
];

/** Lists and maps that a value from outside may have in each other: enough for the deepest expression, two a level. */
const MAX_DEPTH = 512;
/** Values in one from outside, which is read in one turn: enough for 10,000 ids and for the largest expressions. */
const MAX_VALUES = 100_000;
/** Bytes of one: enough for 10,000 of the longest ids. */
export const MAX_VALUE_BYTES = 4 * 2 ** 20;
/** Ranges of a header of wishes that are looked at, and parameters of each. */
const MAX_RANGES = 64;
const MAX_PARAMETERS = 8;
const ENCODE_OPTIONS = { ignoreUndefined: true, maxDepth: 1000 };
/** Choices that are remembered, since clients send the same header with every request. */
const MAX_CHOICES = 256;
const MAX_REMEMBERED_LENGTH = 256;

const encoder = new Encoder(ENCODE_OPTIONS);

/** A value as a body of the media type, one of `VALUE_TYPES`. */
export function encodeValue(value: unknown, mediaType: string): string | Uint8Array {
  return mediaType === JSON_TYPE ? JSON.stringify(value) : encoder.encode(value);
}

/** The value of a body of the media type, one of `VALUE_TYPES`. Throws a `ContentError`. */
export function decodeValue(body: Buffer, mediaType: string, maxValues = MAX_VALUES): unknown {
  const parse = mediaType === JSON_TYPE ? parseJson : parseMsgpack;
  return parse(body, MAX_DEPTH, maxValues);
}

/** The media type of a body, if it is one of `taken`. Throws UNSUPPORTED_TYPE otherwise. */
export function contentType(header: string | undefined, taken: readonly string[]): string {
  if (header === undefined) throw unsupported('it has no Content-Type', taken);
  const [type = '', ...parameters] = header
    .split(';', MAX_PARAMETERS)
    .map((part) => part.trim().toLowerCase());
  if (!taken.includes(type)) throw unsupported(`its Content-Type is ${JSON.stringify(header)}`, taken);
  for (const parameter of parameters) {
    if (parameter.startsWith('charset=') && !/^charset=("?)utf-?8\1$/.test(parameter)) {
      throw unsupported('it is not UTF-8', taken);
    }
  }
  return type;
}

function unsupported(reason: string, taken: readonly string[]): SegmentdError {
  return new SegmentdError(
    'UNSUPPORTED_TYPE',
    `the body is not taken: ${reason}; send ${taken.join(' or ')}`,
  );
}

/** Chooses among media types that can be answered in, the preferred one first. */
export class Negotiator {
  readonly #offered: readonly string[];
  readonly #choices = new Map<string, string>();

  constructor(offered: readonly string[]) {
    this.#offered = offered;
  }

  /** What the header Accept likes best. Throws NOT_ACCEPTABLE when it likes none. */
  choose(accept: string | undefined): string {
    if (accept === undefined) return this.#offered[0]!;
    const known = this.#choices.get(accept);
    if (known !== undefined) return known;
    const chosen = this.#best(accept);
    if (this.#choices.size < MAX_CHOICES && accept.length <= MAX_REMEMBERED_LENGTH) {
      this.#choices.set(accept, chosen);
    }
    return chosen;
  }

  #best(accept: string): string {
    const ranges = rangesOf(accept);
    let best: string | undefined;
    let bestQuality = 0;
    for (const type of this.#offered) {
      const quality = qualityOf(type, ranges);
      if (quality > bestQuality) {
        best = type;
        bestQuality = quality;
      }
    }
    if (best !== undefined) return best;
    throw new SegmentdError(
      'NOT_ACCEPTABLE',
      `the answer can be ${this.#offered.join(' or ')}, which Accept leaves out`,
    );
  }
}

/** Does the header Accept-Encoding take gzip? */
export function takesGzip(header: string | undefined): boolean {
  if (header === undefined) return false;
  const ranges = rangesOf(header);
  const range =
    ranges.find(({ type }) => type === 'gzip' || type === 'x-gzip') ??
    ranges.find(({ type }) => type === '*');
  return range !== undefined && range.quality > 0;
}

interface Range {
  readonly type: string;
  readonly quality: number;
}

/** What a header of wishes lists. */
function rangesOf(header: string): Range[] {
  return header.split(',', MAX_RANGES).map(rangeOf);
}

/** One of the things that it lists: `text/*;q=0.5`. */
function rangeOf(text: string): Range {
  const [type = '', ...parameters] = text.split(';', MAX_PARAMETERS).map((part) => part.trim().toLowerCase());
  const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice('q='.length);
  if (quality === undefined) return { type, quality: 1 };
  return { type, quality: /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(quality) ? Number(quality) : 0 };
}

/** The quality of the most exact range that an offer is in; 0 when it is in none. */
function qualityOf(offer: string, ranges: readonly Range[]): number {
  const [type = ''] = offer.split(';');
  const whole = `${type.slice(0, type.indexOf('/'))}/*`;
  for (const exact of [type, whole, '*/*']) {
    const range = ranges.find((one) => one.type === exact);
    if (range !== undefined) return range.quality;
  }
  return 0;
}
