/**
 * Mutations as MessagePack: an array that begins with the number of the mutation's type, then what the type needs, in a fixed
 * order. Ids are bytes; everything else is what it is. The numbers are on disk: a type keeps its number, new ones are added.
 */
import type { Mutation } from '../mutation.js';
import type { TagKind, TagValue } from '../store/column.js';
import type { TagDeclaration } from '../store/tag-catalog.js';
import type { MsgpackReader } from './msgpack-reader.js';
import type { MsgpackWriter } from './msgpack-writer.js';

const Type = {
  /** user, then tag, value, tag, value … */
  SET_TAGS: 1,
  /** user, then tags */
  REMOVE_TAGS: 2,
  /** tag, value or nil, then users */
  ADD_USERS: 3,
  REMOVE_USERS: 4,
  /** user, tag, number */
  INCREMENT: 5,
  /** user */
  ERASE_USER: 6,
  /** tag, kind, scale or nil, description or nil */
  DECLARE_TAG: 7,
  /** tag */
  DROP_TAG: 8,
  CLEAR_TAG: 9,
  CLEAR: 10,
} as const;

/** Writes one mutation, whether or not the store would take it. */
export function encodeMutation(out: MsgpackWriter, mutation: Mutation): void {
  switch (mutation.type) {
    case 'setTags': {
      const { user, tags, values } = mutation;
      begin(out, Type.SET_TAGS, 1 + 2 * tags.length);
      out.binary(user);
      for (let i = 0; i < tags.length; i++) {
        out.string(tags[i]!);
        writeScalar(out, values[i]);
      }
      return;
    }
    case 'removeTags':
      begin(out, Type.REMOVE_TAGS, 1 + mutation.tags.length);
      out.binary(mutation.user);
      for (const tag of mutation.tags) out.string(tag);
      return;
    case 'addUsers':
    case 'removeUsers':
      begin(
        out,
        mutation.type === 'addUsers' ? Type.ADD_USERS : Type.REMOVE_USERS,
        2 + mutation.users.length,
      );
      out.string(mutation.tag);
      writeScalar(out, mutation.value);
      for (const user of mutation.users) out.binary(user);
      return;
    case 'increment':
      begin(out, Type.INCREMENT, 3);
      out.binary(mutation.user);
      out.string(mutation.tag);
      out.number(mutation.by);
      return;
    case 'eraseUser':
      begin(out, Type.ERASE_USER, 1);
      out.binary(mutation.user);
      return;
    case 'declareTag': {
      const { kind, scale, description } = mutation.declaration;
      begin(out, Type.DECLARE_TAG, 4);
      out.string(mutation.tag);
      writeScalar(out, kind);
      writeScalar(out, scale);
      writeScalar(out, description);
      return;
    }
    case 'dropTag':
    case 'clearTag':
      begin(out, mutation.type === 'dropTag' ? Type.DROP_TAG : Type.CLEAR_TAG, 1);
      out.string(mutation.tag);
      return;
    case 'clear':
      begin(out, Type.CLEAR, 0);
  }
}

/** Reads one mutation; its ids are only valid as long as the buffer that is read. Throws an Error for anything else. */
export function decodeMutation(input: MsgpackReader): Mutation {
  const length = input.array();
  const type = input.number();
  switch (type) {
    case Type.SET_TAGS: {
      const user = input.binary();
      const tags: string[] = [];
      const values: TagValue[] = [];
      for (let i = 2; i < length; i += 2) {
        tags.push(input.string());
        values.push(input.scalar()!);
      }
      return { type: 'setTags', user, tags, values };
    }
    case Type.REMOVE_TAGS: {
      const user = input.binary();
      const tags = Array.from({ length: length - 2 }, () => input.string());
      return { type: 'removeTags', user, tags };
    }
    case Type.ADD_USERS:
    case Type.REMOVE_USERS: {
      const tag = input.string();
      const value = input.scalar();
      const users = Array.from({ length: length - 3 }, () => input.binary());
      return { type: type === Type.ADD_USERS ? 'addUsers' : 'removeUsers', tag, value, users };
    }
    case Type.INCREMENT:
      return { type: 'increment', user: input.binary(), tag: input.string(), by: input.number() };
    case Type.ERASE_USER:
      return { type: 'eraseUser', user: input.binary() };
    case Type.DECLARE_TAG:
      return { type: 'declareTag', tag: input.string(), declaration: readDeclaration(input) };
    case Type.DROP_TAG:
      return { type: 'dropTag', tag: input.string() };
    case Type.CLEAR_TAG:
      return { type: 'clearTag', tag: input.string() };
    case Type.CLEAR:
      return { type: 'clear' };
    default:
      throw new Error(`mutation type ${type} is not known`);
  }
}

function begin(out: MsgpackWriter, type: number, rest: number): void {
  out.array(1 + rest);
  out.number(type);
}

/** What has no form here is nil: the store refuses it, and then nothing of it is kept. */
function writeScalar(out: MsgpackWriter, value: unknown): void {
  if (value === true) out.true();
  else if (typeof value === 'string') out.string(value);
  else if (typeof value === 'number') out.number(value);
  else out.nil();
}

function readDeclaration(input: MsgpackReader): TagDeclaration {
  const kind = input.string() as TagKind;
  const scale = input.scalar() as number | undefined;
  const description = input.scalar() as string | undefined;
  return {
    kind,
    ...(scale !== undefined && { scale }),
    ...(description !== undefined && { description }),
  };
}
