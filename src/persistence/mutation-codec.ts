/**
 * Mutations as MessagePack: an array that begins with the number of the mutation's type, then what the type needs, in a fixed
 * order. Ids are bytes; everything else is what it is. The numbers are on disk: a type keeps its number, new ones are added.
 */
import type { AudienceMutation, Mutation } from '../mutation.js';
import type { AudienceDetails } from '../store/audience-catalog.js';
import type { TagKind, TagValue } from '../store/column.js';
import type { TagDeclaration } from '../store/tag-catalog.js';
import { begin, readUsers, writeScalar } from './codec-parts.js';
import type { MsgpackReader } from './msgpack-reader.js';
import type { MsgpackWriter } from './msgpack-writer.js';
import { decodeVersionMutation, encodeVersionMutation, FIRST_OF_VERSIONS } from './version-codec.js';

/** Those of versions are in version-codec.ts. */
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
  /** name, expression, [tag…], [audience…], details, time; details are description, owner, [label…] */
  SAVE_AUDIENCE: 11,
  /** draft, then users */
  DRAFT_AUDIENCE: 12,
  /** draft */
  DISCARD_DRAFT: 13,
  /** name, source, details, time, draft, then users */
  FREEZE_AUDIENCE: 14,
  /** name, time, then users */
  ADD_TO_AUDIENCE: 15,
  REMOVE_FROM_AUDIENCE: 16,
  /** name, time, description or nil, owner or nil, and [label…] if these change */
  DESCRIBE_AUDIENCE: 17,
  /** from, to, time, then name, expression, name, expression … */
  RENAME_AUDIENCE: 18,
  /** name */
  DROP_AUDIENCE: 19,
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
      return;
    case 'beginVersion':
    case 'draftVersion':
    case 'discardVersion':
    case 'holdVersion':
    case 'publishRelease':
    case 'rollBack':
    case 'keepVersions':
    case 'setPolicy':
    case 'holdRelease':
      encodeVersionMutation(out, mutation);
      return;
    default:
      encodeAudienceMutation(out, mutation);
  }
}

function encodeAudienceMutation(out: MsgpackWriter, mutation: AudienceMutation): void {
  switch (mutation.type) {
    case 'saveAudience':
      begin(out, Type.SAVE_AUDIENCE, 8);
      out.string(mutation.name);
      out.string(mutation.expression);
      writeStrings(out, mutation.tags);
      writeStrings(out, mutation.audiences);
      writeDetails(out, mutation.details);
      out.number(mutation.at);
      return;
    case 'draftAudience':
      begin(out, Type.DRAFT_AUDIENCE, 1 + mutation.users.length);
      out.number(mutation.draft);
      for (const user of mutation.users) out.binary(user);
      return;
    case 'discardDraft':
      begin(out, Type.DISCARD_DRAFT, 1);
      out.number(mutation.draft);
      return;
    case 'freezeAudience':
      begin(out, Type.FREEZE_AUDIENCE, 7 + mutation.users.length);
      out.string(mutation.name);
      out.string(mutation.source);
      writeDetails(out, mutation.details);
      out.number(mutation.at);
      out.number(mutation.draft);
      for (const user of mutation.users) out.binary(user);
      return;
    case 'addToAudience':
    case 'removeFromAudience':
      begin(
        out,
        mutation.type === 'addToAudience' ? Type.ADD_TO_AUDIENCE : Type.REMOVE_FROM_AUDIENCE,
        2 + mutation.users.length,
      );
      out.string(mutation.name);
      out.number(mutation.at);
      for (const user of mutation.users) out.binary(user);
      return;
    case 'describeAudience': {
      const { description, owner, labels } = mutation.details;
      begin(out, Type.DESCRIBE_AUDIENCE, labels === undefined ? 4 : 5);
      out.string(mutation.name);
      out.number(mutation.at);
      writeScalar(out, description);
      writeScalar(out, owner);
      if (labels !== undefined) writeStrings(out, labels);
      return;
    }
    case 'renameAudience':
      begin(out, Type.RENAME_AUDIENCE, 3 + 2 * mutation.rewritten.length);
      out.string(mutation.from);
      out.string(mutation.to);
      out.number(mutation.at);
      for (const { name, expression } of mutation.rewritten) {
        out.string(name);
        out.string(expression);
      }
      return;
    case 'dropAudience':
      begin(out, Type.DROP_AUDIENCE, 1);
      out.string(mutation.name);
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
      const users = readUsers(input, length - 3);
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
      if (type >= FIRST_OF_VERSIONS) return decodeVersionMutation(input, type, length);
      return decodeAudienceMutation(input, type, length);
  }
}

function decodeAudienceMutation(input: MsgpackReader, type: number, length: number): AudienceMutation {
  switch (type) {
    case Type.SAVE_AUDIENCE: {
      const [name, expression] = [input.string(), input.string()];
      const [tags, audiences] = [readStrings(input), readStrings(input)];
      const [details, at] = [readDetails(input), input.number()];
      return { type: 'saveAudience', name, expression, tags, audiences, details, at };
    }
    case Type.DRAFT_AUDIENCE:
      return { type: 'draftAudience', draft: input.number(), users: readUsers(input, length - 2) };
    case Type.DISCARD_DRAFT:
      return { type: 'discardDraft', draft: input.number() };
    case Type.FREEZE_AUDIENCE: {
      const [name, source] = [input.string(), input.string()];
      const [details, at, draft] = [readDetails(input), input.number(), input.number()];
      return {
        type: 'freezeAudience',
        name,
        source,
        details,
        at,
        draft,
        users: readUsers(input, length - 8),
      };
    }
    case Type.ADD_TO_AUDIENCE:
    case Type.REMOVE_FROM_AUDIENCE: {
      const [name, at, users] = [input.string(), input.number(), readUsers(input, length - 3)];
      return {
        type: type === Type.ADD_TO_AUDIENCE ? 'addToAudience' : 'removeFromAudience',
        name,
        at,
        users,
      };
    }
    case Type.DESCRIBE_AUDIENCE: {
      const [name, at] = [input.string(), input.number()];
      const description = input.scalar() as string | undefined;
      const owner = input.scalar() as string | undefined;
      const details = {
        ...(description !== undefined && { description }),
        ...(owner !== undefined && { owner }),
        ...(length > 5 && { labels: readStrings(input) }),
      };
      return { type: 'describeAudience', name, details, at };
    }
    case Type.RENAME_AUDIENCE: {
      const [from, to, at] = [input.string(), input.string(), input.number()];
      const rewritten = Array.from({ length: (length - 4) / 2 }, () => {
        return { name: input.string(), expression: input.string() };
      });
      return { type: 'renameAudience', from, to, rewritten, at };
    }
    case Type.DROP_AUDIENCE:
      return { type: 'dropAudience', name: input.string() };
    default:
      throw new Error(`mutation type ${type} is not known`);
  }
}

function writeStrings(out: MsgpackWriter, texts: readonly string[]): void {
  out.array(texts.length);
  for (const text of texts) out.string(text);
}

function writeDetails(out: MsgpackWriter, { description, owner, labels }: AudienceDetails): void {
  out.string(description);
  out.string(owner);
  writeStrings(out, labels);
}

function readStrings(input: MsgpackReader): string[] {
  return Array.from({ length: input.array() }, () => input.string());
}

function readDetails(input: MsgpackReader): AudienceDetails {
  return { description: input.string(), owner: input.string(), labels: readStrings(input) };
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
