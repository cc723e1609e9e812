/** SEG commands that keep audiences: dynamic ones, which are an expression, and fixed ones, which are a set of users. */
import type { AudienceInfo } from '../../src/index.js';
import {
  type Argument,
  bytes,
  counted,
  integer,
  many,
  option,
  options,
  pattern,
  text,
  WrongArity,
} from '../arguments.js';
import { command } from '../command.js';
import type { Data } from '../replies.js';
import * as replies from '../replies.js';

const group = 'segment';
const INFO_SHAPE =
  'map of name, kind (dynamic or fixed), expression, users (null when it is not known), description, owner, labels, created, changed';

function audienceName(): Argument<string> {
  return text('names of audiences');
}

/** What people note of an audience; what is not given stays as it was. */
const details = {
  description: option('DESCRIPTION', text('descriptions')),
  owner: option('OWNER', text('owners')),
  labels: option('LABELS', counted(text('labels'))),
};

function describeAudience(audience: AudienceInfo): ReadonlyMap<string, Data> {
  const { name, kind, expression, users = null, description, owner, labels, created, changed } = audience;
  return new Map<string, Data>([
    ['name', name],
    ['kind', kind],
    ['expression', expression],
    ['users', users],
    ['description', description],
    ['owner', owner],
    ['labels', labels],
    ['created', new Date(created).toISOString()],
    ['changed', new Date(changed).toISOString()],
  ]);
}

export const savedAudienceCommands = [
  command({
    name: 'SEG.SAVE',
    summary: 'Saves a dynamic audience, or gives one another expression.',
    group,
    complexity: 'O(N), N the parts of the expression',
    flags: ['write'],
    arguments: { name: audienceName(), expression: text('expressions'), options: options(details) },
    reply: replies.ok,
    run({ engine }, { name, expression, options: given }) {
      engine.audiences.save(name, expression, given);
    },
  }),
  command({
    name: 'SEG.FREEZE',
    summary:
      'Makes a fixed audience of the users that an expression has now, or gives one these members; replies how many.',
    group,
    complexity: 'O(N), N the users and the bytes of the bitmaps that the expression reads',
    flags: ['write'],
    arguments: {
      name: audienceName(),
      expression: text('expressions'),
      options: options({ ...details, timeout: option('TIMEOUT', integer(0)) }),
    },
    reply: replies.later(replies.integer),
    run: ({ engine }, { name, expression, options: { timeout, ...given } }) =>
      engine.audiences.freezeQuery(name, expression, given, timeout === undefined ? {} : { timeout }),
  }),
  command({
    name: 'SEG.ADD',
    summary:
      'Adds users to a fixed audience; who does not exist is left out. Replies how many were not in it.',
    group,
    complexity: 'O(N), N the users given',
    flags: ['write'],
    arguments: { name: audienceName(), users: many(bytes()) },
    reply: replies.integer,
    run: ({ engine }, { name, users }) => engine.audiences.addUsers(name, users),
  }),
  command({
    name: 'SEG.REMOVE',
    summary: 'Takes users out of a fixed audience. Replies how many were in it.',
    group,
    complexity: 'O(N), N the users given',
    flags: ['write'],
    arguments: { name: audienceName(), users: many(bytes()) },
    reply: replies.integer,
    run: ({ engine }, { name, users }) => engine.audiences.removeUsers(name, users),
  }),
  command({
    name: 'SEG.DESCRIBE',
    summary: 'Changes what is noted of an audience; what is not given stays.',
    group,
    complexity: 'O(1)',
    flags: ['write'],
    arguments: { name: audienceName(), options: options(details) },
    reply: replies.ok,
    run({ engine }, { name, options: given }) {
      if (Object.keys(given).length === 0) throw new WrongArity();
      engine.audiences.describe(name, given);
    },
  }),
  command({
    name: 'SEG.GET',
    summary: 'What is known of a saved audience; times are ISO 8601.',
    group,
    complexity: 'O(1)',
    flags: ['readonly'],
    arguments: { name: audienceName() },
    reply: replies.data(INFO_SHAPE),
    run({ engine }, { name }) {
      engine.store.audiences.require(name);
      return describeAudience(engine.audiences.get(name)!);
    },
  }),
  command({
    name: 'SEG.LIST',
    summary: 'All saved audiences, by name.',
    group,
    complexity: 'O(N*log(N)), N the audiences',
    flags: ['readonly'],
    arguments: { options: options({ match: option('MATCH', pattern()) }) },
    reply: replies.data('array of maps as SEG.GET gives them'),
    run: ({ engine }, { options: { match } }) => engine.audiences.list(match).map(describeAudience),
  }),
  command({
    name: 'SEG.RENAME',
    summary: 'Gives an audience another name, also in the expressions of those that use it.',
    group,
    complexity: 'O(N), N the parts of the expressions that use it',
    flags: ['write'],
    arguments: { from: audienceName(), to: audienceName() },
    reply: replies.ok,
    run: ({ engine }, { from, to }) => engine.audiences.rename(from, to),
  }),
  command({
    name: 'SEG.DROP',
    summary: 'Forgets an audience that no other one uses. Replies whether there was one.',
    group,
    complexity: 'O(1)',
    flags: ['write'],
    arguments: { name: audienceName() },
    reply: replies.yesNo,
    run: ({ engine }, { name }) => engine.audiences.drop(name),
  }),
];
