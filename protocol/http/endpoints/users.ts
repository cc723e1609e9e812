/** What is known of users, one by one or many at a time. */
import { Type } from 'typebox';
import { type Engine, SegmentdError } from '../../../src/index.js';
import { checkUserId } from '../../../src/store/user-key.js';
import { JSON_TYPE } from '../content.js';
import { endpoint } from '../endpoint.js';
import type { Exchange } from '../exchange.js';
import { listParameter } from '../parameters.js';
import { Id, shape, TagValue, userIdOf } from '../shapes.js';
import { idJson, idValue } from './user-ids.js';
import { userRows } from './user-rows.js';
import { AllTags, ChosenTags, type TagReader } from './user-tags.js';

/** Users of one look-up. */
const MAX_USERS = 10_000;
/** Tags that a body may name. */
const MAX_TAGS = 1_000;

const TagNames = Type.Array(Type.String(), { maxItems: MAX_TAGS });
const Count = Type.Integer({ minimum: 0 });

const UserTags = shape(
  {
    id: Id,
    tags: Type.Record(Type.String(), Type.Union([TagValue, Type.Null()]), {
      description: 'By name: what the user has of the tag; null for a tag that was asked for and is missing.',
    }),
  },
  "A user's tags.",
);

const NewValue = Type.Union(TagValue.anyOf, {
  description: 'A string, a number, or true for a flag. To take a tag away, name it in "remove".',
});

const parameters = { id: "The user's id, percent-encoded." };

/** Readers of the lists of tags that query strings have; the lists are the same objects as long as the texts are known. */
const chosenTags = new WeakMap<readonly string[], ChosenTags>();
const allTags = new WeakMap<Engine, AllTags>();

function readerOf(engine: Engine, names: readonly string[] | undefined): TagReader {
  return names === undefined ? allTagsOf(engine) : chosenTagsOf(engine, names);
}

function chosenTagsOf(engine: Engine, names: readonly string[]): ChosenTags {
  let reader = chosenTags.get(names);
  if (reader === undefined) {
    reader = new ChosenTags(engine, names);
    chosenTags.set(names, reader);
  }
  return reader;
}

function allTagsOf(engine: Engine): AllTags {
  let reader = allTags.get(engine);
  if (reader === undefined) {
    reader = new AllTags(engine);
    allTags.set(engine, reader);
  }
  return reader;
}

function unknownUser(): SegmentdError {
  return new SegmentdError('UNKNOWN_USER', 'there is no such user');
}

function eraseUser(exchange: Exchange): void {
  if (!exchange.engine.eraseUser(exchange.id('id'))) throw unknownUser();
}

/** Throws INVALID_ARGUMENT for a tag that is to be both set and removed. */
function checkApart(set: Readonly<Record<string, unknown>>, remove: readonly string[]): void {
  const both = remove.find((name) => Object.hasOwn(set, name));
  if (both === undefined) return;
  throw new SegmentdError(
    'INVALID_ARGUMENT',
    `tag ${JSON.stringify(both)} is in "set" and in "remove": leave one out`,
  );
}

export const users = [
  endpoint({
    id: 'getUserTags',
    method: 'GET',
    path: '/v1/users/{id}/tags',
    group: 'users',
    command: 'HMGET',
    summary: "A user's tags: those asked for, or all.",
    description:
      'With `tags`, each of them is there, null if the user does not have it; a user who does not exist has none of them. ' +
      'Without, the tags that the user has, or 404 if there is no such user.',
    parameters,
    query: { tags: listParameter('Names of the tags wanted.') },
    answer: UserTags,
    errors: ['INVALID_USER_ID', 'UNKNOWN_USER'],
    examples: [
      {
        title: 'Some tags',
        path: '/v1/users/p1/tags?tags=age,sex,high-income',
        answer: { id: 'p1', tags: { age: 39, sex: 'Male', 'high-income': null } },
      },
    ],
    handle(exchange, { query: { tags: names } }) {
      const { engine, mediaType } = exchange;
      const id = exchange.id('id');
      const address = engine.store.find(id);
      if (address === 0 && names === undefined) throw unknownUser();
      const tags = readerOf(engine, names);
      if (mediaType !== JSON_TYPE) return { id: idValue(id, mediaType), tags: tags.object(address) };
      exchange.send(`{"id":${idJson(id)},"tags":${tags.json(address)}}`);
      return undefined;
    },
  }),
  endpoint({
    id: 'changeUserTags',
    method: 'PATCH',
    path: '/v1/users/{id}/tags',
    group: 'users',
    command: 'HSET',
    summary: 'Gives a user tags and takes others away: all of that, or, if there is an error, nothing.',
    description:
      'A new user comes to be with the first tag, and is no more without the last. Tags that nobody declared are made as with HSET. ' +
      'Answers how many tags the user did not have before, and how many were taken away.',
    parameters,
    body: shape({
      set: Type.Optional(Type.Record(Type.String(), NewValue, { maxProperties: MAX_TAGS })),
      remove: Type.Optional(TagNames),
    }),
    answer: shape({ added: Count, removed: Count }),
    errors: [
      'INVALID_USER_ID',
      'INVALID_TAG_NAME',
      'INVALID_VALUE',
      'OUT_OF_RANGE',
      'UNDECLARED_TAG',
      'TOO_MANY_VALUES',
      'VECTOR_TOO_LARGE',
      'STORE_FULL',
    ],
    examples: [
      {
        title: 'A flag and a number are set, a tag is taken away',
        path: '/v1/users/visitor-1/tags',
        body: { set: { vip: true, age: 40 }, remove: ['high-income'] },
        answer: { added: 2, removed: 0 },
      },
    ],
    handle(exchange, { body: { set = {}, remove = [] } }) {
      const { engine } = exchange;
      const id = exchange.id('id');
      checkUserId(id);
      checkApart(set, remove);
      // What is wrong with the change is wrong with what is set, so that goes first: taking tags away has no errors.
      const added = engine.setTags(id, set);
      return { added, removed: engine.removeTags(id, remove) };
    },
  }),
  endpoint({
    id: 'eraseUser',
    method: 'DELETE',
    path: '/v1/users/{id}',
    group: 'users',
    command: 'DEL',
    summary: 'Erases a user, id and all.',
    parameters,
    errors: ['INVALID_USER_ID', 'UNKNOWN_USER'],
    examples: [{ title: 'Forget somebody', path: '/v1/users/visitor-1', after: ['changeUserTags'] }],
    handle: eraseUser,
  }),
  endpoint({
    id: 'removeUserTags',
    method: 'DELETE',
    path: '/v1/users/{id}/tags',
    group: 'users',
    command: 'DEL',
    summary: 'Takes all tags from a user, who is no more then: the same as erasing the user.',
    parameters,
    errors: ['INVALID_USER_ID', 'UNKNOWN_USER'],
    examples: [{ title: 'Forget somebody', path: '/v1/users/visitor-1/tags', after: ['changeUserTags'] }],
    handle: eraseUser,
  }),
  endpoint({
    id: 'lookUpUsers',
    method: 'POST',
    path: '/v1/users/lookup',
    group: 'users',
    command: 'HMGET',
    summary: 'Tags of up to 10,000 users in one call, in the order of their ids.',
    description:
      'There is an item for each id. With `tags`, each item has all of them, null for what a user does not have; without, the tags ' +
      'that the user has. A user who does not exist has no tags: each is null, or there are none. Each user is read at one ' +
      'moment; a change meanwhile may be in the items behind it and not in those before.',
    body: shape({
      ids: Type.Array(Id, { maxItems: MAX_USERS, description: 'Up to 10,000 users.' }),
      tags: Type.Optional(TagNames),
    }),
    answer: shape({ items: Type.Array(UserTags) }),
    errors: ['INVALID_USER_ID'],
    examples: [
      {
        title: 'Two users',
        path: '/v1/users/lookup',
        body: { ids: ['p1', 'nobody'], tags: ['age', 'sex'] },
        answer: {
          items: [
            { id: 'p1', tags: { age: 39, sex: 'Male' } },
            { id: 'nobody', tags: { age: null, sex: null } },
          ],
        },
      },
    ],
    handle(exchange, { body: { ids: given, tags: names } }) {
      const { engine, mediaType } = exchange;
      const ids = given.map(userIdOf);
      for (const id of ids) checkUserId(id);
      const tags = names === undefined ? allTagsOf(engine) : new ChosenTags(engine, names);
      const rows = userRows(engine, ids, tags, mediaType);
      const whole = rows.whole();
      if (whole === undefined) exchange.stream(rows);
      else exchange.send(whole);
      return undefined;
    },
  }),
  endpoint({
    id: 'getUserAudiences',
    method: 'GET',
    path: '/v1/users/{id}/audiences',
    group: 'users',
    command: 'SEG.MATCH',
    summary: 'The saved audiences that a user is in.',
    description:
      'Of all, in the order of their names; with `names`, of those, in their order. A user who does not exist is in none.',
    parameters,
    query: { names: listParameter('Names of the audiences to look at.') },
    answer: shape({ items: Type.Array(Type.String()) }),
    errors: ['INVALID_USER_ID', 'UNKNOWN_AUDIENCE'],
    examples: [{ title: 'Before any was saved', path: '/v1/users/p1/audiences', answer: { items: [] } }],
    handle: (exchange, { query: { names } }) => ({
      items: exchange.engine.audiences.match(exchange.id('id'), names),
    }),
  }),
];
