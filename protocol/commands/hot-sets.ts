/** The set commands that are sent in bulk, on byte spans; see hot-hashes.ts. Keys of single values take the general path. */
import type { Tag } from '../../src/store/tag-catalog.js';
import { MAX_ID_BYTES } from '../../src/store/user-key.js';
import type { Call, HotHandler } from '../command.js';
import type { RespReader } from '../resp/reader.js';

/** The existing tag that word 1 names by its bare name. */
function findTag(call: Call, reader: RespReader): Tag | undefined {
  const end = reader.ends[1]!;
  const start = call.keyspace.tagNameStart(reader.buffer, reader.starts[1]!, end);
  return start < 0 ? undefined : call.engine.store.catalog.findBytes(reader.buffer, start, end);
}

function usersOf({ buffer, starts, ends, argc }: RespReader): Uint8Array[] {
  const users: Uint8Array[] = [];
  for (let i = 2; i < argc; i++) users.push(buffer.subarray(starts[i]!, ends[i]!));
  return users;
}

export const saddHot: HotHandler = (call, reader, out) => {
  const tag = findTag(call, reader);
  if (tag === undefined) return false;
  out.integer(
    call.engine.apply({ type: 'addUsers', tag: tag.name, value: undefined, users: usersOf(reader) }),
  );
  return true;
};

export const sremHot: HotHandler = (call, reader, out) => {
  const tag = findTag(call, reader);
  if (tag === undefined) return false;
  out.integer(
    call.engine.apply({ type: 'removeUsers', tag: tag.name, value: undefined, users: usersOf(reader) }),
  );
  return true;
};

export const sismemberHot: HotHandler = (call, reader, out) => {
  const tag = findTag(call, reader);
  const start = reader.starts[2]!;
  const end = reader.ends[2]!;
  if (tag === undefined || start === end || end - start > MAX_ID_BYTES) return false;
  const { store } = call.engine;
  const address = store.findBytes(reader.buffer, start, end);
  out.integer(address !== 0 && store.codeAt(address, tag) >= 0 ? 1 : 0);
  return true;
};

export const scardHot: HotHandler = (call, reader, out) => {
  const tag = reader.argc === 2 ? findTag(call, reader) : undefined;
  if (tag === undefined) return false;
  out.integer(tag.column.count);
  return true;
};
