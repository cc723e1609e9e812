/** TAG commands: the catalogue. SEG.CHECK: the proof that both orientations agree. */
import type { TagInfo } from '../../src/index.js';
import { integer, oneOf, option, options, pattern, text } from '../arguments.js';
import { command } from '../command.js';
import type { Data } from '../replies.js';
import * as replies from '../replies.js';

function describeTag(tag: TagInfo): ReadonlyMap<string, Data> {
  const entries: [string, Data][] = [
    ['name', tag.name],
    ['kind', tag.kind],
    ['declared', tag.declared ? 1 : 0],
    ['users', tag.users],
    ['description', tag.description],
    ['bytes', tag.bytes],
  ];
  if (tag.kind === 'number') entries.push(['scale', tag.scale]);
  if (tag.kind === 'enum') entries.push(['values', tag.values]);
  const { version, loadedAt, maxAge, stale } = tag;
  if (version !== undefined) entries.push(['version', version]);
  if (loadedAt !== undefined) entries.push(['loadedAt', new Date(loadedAt).toISOString()]);
  if (maxAge !== undefined) entries.push(['maxAge', maxAge], ['stale', stale === true ? 1 : 0]);
  return new Map(entries);
}

export const tagCommands = [
  command({
    name: 'TAG.DECLARE',
    summary: 'Declares a tag of a kind, or converts an existing one if all of its values allow it.',
    group: 'tag',
    complexity: 'O(1) for a new tag, O(N) for N users of an existing one',
    flags: ['write'],
    arguments: {
      name: text(),
      kind: oneOf('flag', 'enum', 'number'),
      options: options({ scale: option('SCALE', integer(0, 9)), description: option('DESCRIPTION', text()) }),
    },
    reply: replies.ok,
    run({ engine }, { name, kind, options: { scale, description } }) {
      engine.declareTag(name, {
        kind,
        ...(scale === undefined ? {} : { scale }),
        ...(description === undefined ? {} : { description }),
      });
    },
  }),
  command({
    name: 'TAG.INFO',
    summary: "A tag's kind, users, values, memory, and how old its list is.",
    group: 'tag',
    complexity: 'O(V), V the values of an enum',
    flags: ['readonly'],
    arguments: { name: text() },
    reply: replies.data(
      'map of name, kind, declared, users, description, bytes, and scale or values; version and loadedAt (ISO 8601) if it was loaded as a list; maxAge (seconds) and stale (1 or 0) if it may not become too old',
    ),
    run: ({ engine }, { name }) => describeTag(engine.tag(engine.store.catalog.require(name).name)!),
  }),
  command({
    name: 'TAG.LIST',
    summary: 'All tags with their kind and users, by name.',
    group: 'tag',
    complexity: 'O(N), N the tags',
    flags: ['readonly'],
    arguments: { options: options({ match: option('MATCH', pattern()) }) },
    reply: replies.data('array of maps as TAG.INFO gives them'),
    run: ({ engine }, { options: { match } }) => engine.tags(match).map(describeTag),
  }),
  command({
    name: 'TAG.DROP',
    summary: 'Takes a tag from all of its users and forgets it, its declaration too.',
    group: 'tag',
    complexity: 'O(N), N the users of the tag',
    flags: ['write'],
    arguments: { name: text() },
    reply: replies.yesNo,
    run: ({ engine }, { name }) => engine.dropTag(name),
  }),
  command({
    name: 'SEG.CHECK',
    summary:
      'Compares every bitmap with every vector and says what differs and where. Holds everybody up meanwhile.',
    group: 'segment',
    complexity: 'O(N), N the pairs of user and tag',
    flags: ['readonly', 'admin'],
    arguments: {},
    reply: replies.data('map of sound (1 or 0), users, tags, pairs and problems (array of strings)'),
    run({ engine }) {
      const { sound, users, tags, pairs, problems } = engine.check();
      return new Map<string, Data>([
        ['sound', sound ? 1 : 0],
        ['users', users],
        ['tags', tags],
        ['pairs', pairs],
        ['problems', problems],
      ]);
    },
  }),
];
