/** Answers with the users of an expression: a page of them, or all in one stream, in the media type that the client wants. */
import { type Engine, type ExpressionInput, SegmentdError, type UserId } from '../../../src/index.js';
import type { Bitmap } from '../../../src/store/bitmap.js';
import type { Exchange } from '../exchange.js';
import { momentOf } from '../moments.js';
import type { Producer } from '../streams.js';
import { ORDINALS_HEADER, ROARING_TYPE } from '../user-lists.js';
import { isPaged, rowsOf, takesColumns } from './formats.js';
import { BytesProducer, RowsProducer } from './producers.js';
import type { Columns } from './rows.js';

export const DEFAULT_PAGE = 1_000;
export const MAX_PAGE = 100_000;
export const MAX_TAGS = 1_000;
/** Ordinals have 32 bits. */
export const MOST_USERS = 2 ** 32;

/** Which users of an expression, and what of them. */
export interface UsersOptions {
  /** How many at most; of a page DEFAULT_PAGE by default, of a stream all. */
  readonly limit?: number | undefined;
  /** Where the last page said that the next one begins. */
  readonly cursor?: string | undefined;
  /** The user behind whom to go on. */
  readonly after?: UserId | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly ordinals?: boolean | undefined;
  /** Milliseconds that finding them may take. */
  readonly timeout?: number | undefined;
  /** The moment that is asked about, if it is not now: one of the two. */
  readonly version?: number | undefined;
  readonly release?: string | undefined;
}

/** Answers the exchange. Throws what is wrong with expression and options, QUERY_TIMEOUT and TOO_MANY_EXPORTS. */
export async function answerUsers(
  exchange: Exchange,
  expression: ExpressionInput,
  options: UsersOptions,
): Promise<void> {
  const { engine, mediaType } = exchange;
  const columns = columnsOf(mediaType, options);
  const count = countOf(mediaType, options.limit);
  const { timeout } = options;
  const slice = {
    cursor: startOf(exchange, options),
    count,
    ...(timeout !== undefined && { timeout }),
    ...momentOf(options),
  };
  // Nothing may come between the moment of the users and what is made of it: a cursor that holds them, and the epoch.
  const query = engine.audiences.queries.slice(expression, slice, (users, next) => ({
    epoch: engine.store.ordinalEpoch,
    producer: producerOf(engine, mediaType, columns, users, next),
  }));
  const { epoch, producer } = await exchange.finish(query);
  exchange.setHeader(ORDINALS_HEADER, epoch);
  // What fits into one piece need not wait for its turn; streams look the same whatever they have.
  const isPage = isPaged(mediaType);
  const whole = isPage && producer instanceof RowsProducer ? producer.whole() : undefined;
  if (whole === undefined) exchange.stream(producer, { isExport: !isPage });
  else exchange.send(whole);
}

function producerOf(
  engine: Engine,
  mediaType: string,
  columns: Columns,
  users: Bitmap,
  next: number,
): Producer {
  if (mediaType === ROARING_TYPE) return new BytesProducer(serialized(users));
  const rows = rowsOf(engine, mediaType, columns, next === 0 ? undefined : String(next));
  // The bitmap is nobody else's: the cursor needs no copy.
  return new RowsProducer(engine.store.openCursor({ clone: () => users }), rows);
}

function serialized(users: Bitmap): Uint8Array {
  try {
    users.runOptimize();
    return users.serialize('portable');
  } finally {
    users.dispose();
  }
}

function columnsOf(mediaType: string, { tags, ordinals = false }: UsersOptions): Columns {
  if (!takesColumns(mediaType) && (tags !== undefined || ordinals))
    throw new SegmentdError('INVALID_ARGUMENT', `${mediaType} has room for neither tags nor ordinals`);
  if (tags !== undefined && tags.length > MAX_TAGS)
    throw new SegmentdError('INVALID_ARGUMENT', `${tags.length} tags are too many: at most ${MAX_TAGS}`);
  return { ordinals, tags: tags === undefined ? undefined : [...new Set(tags)] };
}

/** How many users are wanted. */
function countOf(mediaType: string, limit: number | undefined): number {
  if (!isPaged(mediaType)) return limit ?? MOST_USERS;
  if (limit === undefined || limit <= MAX_PAGE) return limit ?? DEFAULT_PAGE;
  const advice = 'ask for less, or for a stream, such as application/x-ndjson';
  throw new SegmentdError('INVALID_ARGUMENT', `a page has at most ${MAX_PAGE} users: ${advice}`);
}

/** The ordinal to begin with. */
function startOf(exchange: Exchange, { cursor, after }: UsersOptions): number {
  const { engine } = exchange;
  const epoch = exchange.header(ORDINALS_HEADER);
  if (epoch !== undefined && epoch !== engine.store.ordinalEpoch) {
    const message = 'users were erased and others took their places, or it is another store: begin anew';
    throw new SegmentdError('PRECONDITION_FAILED', `the order of users is not as it was: ${message}`);
  }
  if (after === undefined) return cursor === undefined ? 0 : ordinalOf(cursor);
  if (cursor !== undefined) {
    throw new SegmentdError('INVALID_ARGUMENT', 'cursor and after both say where to begin: give one of them');
  }
  return behind(engine, after);
}

function ordinalOf(cursor: string): number {
  const ordinal = /^\d{1,10}$/.test(cursor) ? Number(cursor) : Number.NaN;
  if (ordinal < MOST_USERS) return ordinal;
  throw new SegmentdError(
    'INVALID_ARGUMENT',
    'the cursor is none that a page gave: leave it out to begin anew',
  );
}

function behind(engine: Engine, user: UserId): number {
  const { store } = engine;
  // One who is in an earlier version only is no user now, but has an ordinal.
  const [address = 0] = store.findRecords([user], 0, 1);
  if (address !== 0) return store.records.ordinalAt(address) + 1;
  const advice = 'go on after one who came earlier, or begin anew';
  throw new SegmentdError('UNKNOWN_USER', `the user to go on after is no more: ${advice}`);
}
