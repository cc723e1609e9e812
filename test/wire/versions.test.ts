/** Commands about versions: what each replies, in RESP2 and RESP3, and the error for each thing that is wrong. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Plain, RespClient } from '../support/resp-client.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { asObject, replyInBoth } from './six-users.js';

let server: TestServer;
const clients = {} as Record<2 | 3, RespClient>;

beforeEach(async () => {
  server = await startTestServer();
  clients[2] = await server.connect();
  clients[3] = await server.connect(3);
  server.engine.declareTag('age', { kind: 'number' });
  server.engine.addUsers('base', ['u1', 'u2', 'u3', 'u4', 'u5', 'u6']);
});
afterEach(() => server.close());

const both = (...words: string[]): Promise<Plain> => replyInBoth(clients, words);
const send = (...words: string[]): Promise<Plain> => clients[3].call(...words);
const members = (tag: string): string[] => [...server.engine.members(tag)].sort();

async function refused(words: readonly string[], error: string): Promise<void> {
  for (const client of Object.values(clients)) expect(await client.error(...words)).toBe(`ERR ${error}`);
}

/** In RESP2 a map is a flat list: the same entries. */
async function inBoth(make: (client: RespClient) => Promise<Plain>): Promise<Record<string, Plain>> {
  const [two, three] = [await make(clients[2]), await make(clients[3])];
  const flat = two as Plain[];
  const keys = flat.filter((_, i) => i % 2 === 0);
  expect(keys).toEqual([...(three as Map<string, Plain>).keys()]);
  return asObject(three);
}

describe('TAG.REPLACE', () => {
  it('makes the list the next version, and tells what is different', async () => {
    server.engine.addUsers('vip', ['u1', 'u2']);
    const reply = asObject(
      await send(
        'TAG.REPLACE',
        'vip',
        'RELEASE',
        'monday',
        'SOURCE',
        'crm',
        'USERS',
        'u2',
        'u3',
        'new',
        'u3',
      ),
    );
    expect(reply).toEqual({
      ...{ state: 'published', release: 'monday', tag: 'vip', version: 1, draft: null },
      ...{ listed: 4, unknown: 1, duplicates: 1, users: 3, before: 2, entered: 2, left: 1, changed: 0 },
      breaches: [],
    });
    expect(members('vip')).toEqual(['new', 'u2', 'u3']);
    expect(server.engine.versions.releases().at(-1)).toMatchObject({ release: 'monday', source: 'crm' });
  });

  it('takes values, one for all or one for each, and makes an enum of a new tag', async () => {
    await inBoth((client) => client.call('TAG.REPLACE', 'plan', 'VALUES', 'u1', 'basic', 'u2', 'pro'));
    expect(server.engine.tag('plan')).toMatchObject({ kind: 'enum', users: 2 });
    expect(asObject(await send('TAG.REPLACE', 'plan', 'VALUE', 'pro', 'USERS', 'u1', 'u2'))).toMatchObject({
      changed: 1,
      entered: 0,
    });
    await send('TAG.REPLACE', 'age', 'VALUES', 'u1', '-7');
    expect(server.engine.get('u1', ['age', 'plan'])).toEqual([-7, 'pro']);
  });

  it('leaves unknown ids out with SKIPUNKNOWN', async () => {
    expect(asObject(await send('TAG.REPLACE', 'vip', 'SKIPUNKNOWN', 'USERS', 'u1', 'x'))).toMatchObject({
      unknown: 1,
      users: 1,
    });
    expect(server.engine.has('x')).toBe(false);
  });

  it('is held when it breaks the policy, unless it is forced', async () => {
    await send('TAG.REPLACE', 'vip', 'USERS', 'u1', 'u2', 'u3');
    await send('TAG.POLICY', 'vip', 'MINUSERS', '2');
    const held = asObject(await send('TAG.REPLACE', 'vip', 'USERS', 'u1'));
    expect(held).toMatchObject({ state: 'held', version: null, users: 1, left: 2 });
    expect(held['draft']).toBeGreaterThan(0);
    expect(held['breaches']).toHaveLength(1);
    expect(members('vip')).toHaveLength(3);
    expect(asObject(await send('TAG.REPLACE', 'vip', 'FORCE', 'USERS', 'u1'))).toMatchObject({
      state: 'published',
      draft: null,
    });
    expect(members('vip')).toEqual(['u1']);
  });

  it.each<[words: string[], error: string]>([
    [['vip'], 'syntax error'],
    [['vip', 'USERS'], 'syntax error'],
    [['vip', 'VALUE', 'x'], 'syntax error'],
    [['vip', 'VALUE', 'x', 'VALUES', 'u1', 'y'], 'syntax error'],
    [['vip', 'VALUES', 'u1'], 'syntax error'],
    [['vip', 'VALUES', 'u1', 'a', 'u2'], "wrong number of arguments for 'tag.replace' command"],
    [['vip', 'ids', 'u1'], 'syntax error'],
    [['age', 'USERS', 'u1'], 'tag "age" needs a value for each user of the list'],
    [
      ['a=b', 'USERS', 'u1'],
      'tag name "a=b": `=`, `<`, `>`, backquote, control characters and broken UTF-8 are not allowed',
    ],
    [[], "wrong number of arguments for 'tag.replace' command"],
  ])('%j is refused', (words, error) => refused(['TAG.REPLACE', ...words], error));

  it('refuses a release of the same name, and leaves nothing', async () => {
    await send('TAG.REPLACE', 'vip', 'RELEASE', 'r', 'USERS', 'u1');
    await refused(
      ['TAG.REPLACE', 'vip', 'RELEASE', 'r', 'USERS', 'u2'],
      'there is a release "r" already: take another name',
    );
    expect([...server.engine.store.versions.drafts.all()]).toEqual([]);
  });
});

describe('lists that come in parts', () => {
  it('are one release when they are published', async () => {
    expect(await send('TAG.DRAFT', 'vip')).toBe(1);
    expect(await send('TAG.DRAFT', 'plan', 'KIND', 'enum', 'SKIPUNKNOWN')).toBe(2);
    expect(await send('TAG.APPEND', '1', 'USERS', 'u1', 'u2')).toBe(2);
    expect(await clients[2].call('TAG.APPEND', '1', 'USERS', 'u3')).toBe(3);
    expect(await send('TAG.APPEND', '2', 'VALUES', 'u1', 'pro', 'nobody', 'basic')).toBe(2);
    expect(((await both('TAG.DRAFTS')) as Plain[]).map(asObject)).toEqual([
      { draft: 1, tag: 'vip', listed: 3, state: 'open' },
      { draft: 2, tag: 'plan', listed: 2, state: 'open' },
    ]);
    expect(members('vip')).toEqual([]);
    const reply = asObject(await send('RELEASE.PUBLISH', '1', '2', 'RELEASE', 'both', 'SOURCE', 'a file'));
    expect(reply).toMatchObject({ state: 'published', release: 'both' });
    expect((reply['tags'] as Plain[]).map(asObject)).toMatchObject([
      { tag: 'vip', version: 1, users: 3 },
      { tag: 'plan', version: 1, users: 1, unknown: 1 },
    ]);
    expect([members('vip'), members('plan')]).toEqual([['u1', 'u2', 'u3'], ['u1']]);
    expect(await both('TAG.DRAFTS')).toEqual([]);
    const releases = (await both('RELEASE.LIST')) as Plain[];
    expect(releases.map(asObject)).toEqual([
      {
        ...{ release: 'both', source: 'a file', time: expect.stringMatching(/^20.*Z$/), state: 'published' },
        tags: new Map([
          ['vip', 1],
          ['plan', 1],
        ]),
      },
    ]);
    expect(asObject(await send('RELEASE.ROLLBACK', 'both'))).toMatchObject({ state: 'rolled back' });
    expect([members('vip'), members('plan')]).toEqual([[], []]);
  });

  it('can be empty, and can be given up', async () => {
    await send('TAG.REPLACE', 'vip', 'USERS', 'u1');
    expect(await send('TAG.DRAFT', 'vip')).toBe(2);
    expect(asObject(await send('RELEASE.PUBLISH', '2'))).toMatchObject({ state: 'published' });
    expect(members('vip')).toEqual([]);
    await send('TAG.DRAFT', 'vip');
    expect(await send('TAG.DISCARD', '3')).toBe(1);
    expect(await send('TAG.DISCARD', '3')).toBe(0);
    expect(server.engine.store.versions.isWatching).toBe(false);
  });

  it('are all held when one of them breaks a policy', async () => {
    await send('TAG.REPLACE', 'vip', 'USERS', 'u1', 'u2');
    await send('TAG.POLICY', 'vip', 'MAXSHRINKAGE', '0.2');
    await send('TAG.DRAFT', 'vip');
    await send('TAG.DRAFT', 'plan');
    await send('TAG.APPEND', '3', 'USERS', 'u1');
    expect(asObject(await send('RELEASE.PUBLISH', '2', '3'))).toMatchObject({ state: 'held' });
    expect([members('vip').length, members('plan').length]).toEqual([2, 0]);
    const held = ((await both('TAG.HELD')) as Plain[]).map(asObject);
    expect(held).toMatchObject([
      { draft: 2, tag: 'vip', before: 2, users: 0, left: 2, obstacle: '' },
      { draft: 3, tag: 'plan', users: 1 },
    ]);
    expect(((await both('TAG.HELD', 'plan')) as Plain[]).length).toBe(1);
    expect(asObject(await send('TAG.PUBLISH', '2'))).toMatchObject({
      state: 'published',
      tags: new Map([
        ['vip', 2],
        ['plan', 1],
      ]),
    });
    expect([members('vip').length, members('plan').length]).toEqual([0, 1]);
    expect(await both('TAG.HELD')).toEqual([]);
  });

  it('are forgotten with everything else', async () => {
    await send('TAG.DRAFT', 'vip');
    await send('FLUSHALL');
    expect(await send('TAG.DRAFTS')).toEqual([]);
    await refused(['TAG.APPEND', '1', 'USERS', 'u1'], 'there is no list of draft 1 on its way');
  });

  it('end with a part that is wrong', async () => {
    await send('TAG.DRAFT', 'age');
    await expect(clients[2].error('TAG.APPEND', '1', 'VALUES', 'u1', '1', 'u2', 'x')).resolves.toMatch(
      /^ERR /,
    );
    await refused(['RELEASE.PUBLISH', '1'], 'there is no list of draft 1 on its way');
  });

  it('are refused', async () => {
    await send('TAG.DRAFT', 'vip');
    await refused(
      ['TAG.DRAFT', 'age', 'KIND', 'flag'],
      'tag "age" is a number, this version is a flag: declare the tag so first',
    );
    await refused(['TAG.DRAFT'], "wrong number of arguments for 'tag.draft' command");
    await refused(['TAG.DRAFT', 'vip', 'KIND', 'list'], 'syntax error');
    await refused(['TAG.APPEND', '1'], 'syntax error');
    await refused(['TAG.APPEND', 'x', 'USERS', 'u1'], 'value is not an integer or out of range');
    await refused(['TAG.APPEND', '9', 'USERS', 'u1'], 'there is no list of draft 9 on its way');
    await refused(['TAG.DRAFTS', 'vip'], "wrong number of arguments for 'tag.drafts' command");
    await refused(['RELEASE.PUBLISH'], "wrong number of arguments for 'release.publish' command");
    await refused(['RELEASE.PUBLISH', '1', '1'], 'a list cannot be published twice');
    await refused(['RELEASE.PUBLISH', '1', 'x'], 'syntax error');
    await refused(['RELEASE.PUBLISH', '1', 'USERS', 'u1'], 'syntax error');
    await refused(['RELEASE.LIST', 'x'], "wrong number of arguments for 'release.list' command");
    await refused(['RELEASE.ROLLBACK', 'x'], 'there is no release "x"');
    await refused(['TAG.PUBLISH', '1'], 'the list of draft 1 is not complete: RELEASE.PUBLISH ends it');
    await refused(['TAG.PUBLISH', '9'], 'there is no list of draft 9 on its way');
    await refused(['TAG.DISCARD', '0'], 'value is out of range, value must between 1 and 9007199254740991');
    await refused(['TAG.HELD', 'nosuch'], 'there is no tag "nosuch"');
  });
});

describe('the versions of a tag', () => {
  beforeEach(async () => {
    server.engine.addUsers('vip', ['u1', 'u2', 'u3']);
    await send('TAG.REPLACE', 'vip', 'RELEASE', 'r1', 'USERS', 'u2', 'u3', 'u4');
    await send('TAG.REPLACE', 'vip', 'RELEASE', 'r2', 'USERS', 'u4', 'u5', 'u6', 'new');
  });

  it('are listed', async () => {
    const versions = ((await both('TAG.VERSIONS', 'vip')) as Plain[]).map(asObject);
    const time = expect.stringMatching(/^20.*Z$/);
    expect(versions).toEqual([
      {
        version: 0,
        release: '',
        source: '',
        time: null,
        users: 3,
        entered: 0,
        left: 0,
        changed: 0,
        state: 'kept',
      },
      {
        version: 1,
        release: 'r1',
        source: '',
        time,
        users: 3,
        entered: 1,
        left: 1,
        changed: 0,
        state: 'kept',
      },
      {
        version: 2,
        release: 'r2',
        source: '',
        time,
        users: 4,
        entered: 3,
        left: 2,
        changed: 0,
        state: 'current',
      },
    ]);
    expect(await both('TAG.VERSIONS', 'base')).toEqual([]);
  });

  it('can be gone back to, and forth', async () => {
    expect(asObject(await send('TAG.ROLLBACK', 'vip'))).toMatchObject({ version: 1, state: 'current' });
    expect(members('vip')).toEqual(['u2', 'u3', 'u4']);
    expect(asObject(await send('TAG.ROLLBACK', 'vip', 'TO', '2'))).toMatchObject({ version: 2 });
    await inBoth((client) => client.call('TAG.ROLLBACK', 'vip', 'TO', client === clients[2] ? '0' : '1'));
    expect(members('vip')).toEqual(['u2', 'u3', 'u4']);
  });

  it('can be compared', async () => {
    const difference = await both('TAG.DIFF', 'vip', '0', '2');
    expect(asObject(difference)).toEqual({ entered: 4, left: 3, changed: 0 });
    expect(await both('TAG.DIFF', 'vip', '0', '2', 'SIDE', 'left')).toEqual(['0', ['u1', 'u2', 'u3']]);
    const [cursor, first] = (await both('TAG.DIFF', 'vip', '0', '2', 'SIDE', 'ENTERED', 'COUNT', '3')) as [
      string,
      string[],
    ];
    expect(first).toEqual(['u4', 'u5', 'u6']);
    expect(await both('TAG.DIFF', 'vip', '0', '2', 'SIDE', 'ENTERED', 'CURSOR', cursor)).toEqual([
      '0',
      ['new'],
    ]);
    expect(await both('TAG.DIFF', 'vip', '2', '2', 'SIDE', 'CHANGED')).toEqual(['0', []]);
    // Without the users who were erased.
    server.engine.eraseUser('u1');
    expect(await both('TAG.DIFF', 'vip', '0', '2', 'SIDE', 'LEFT')).toEqual(['0', ['u2', 'u3']]);
  });

  it('are refused', async () => {
    await refused(['TAG.VERSIONS', 'nosuch'], 'there is no tag "nosuch"');
    await refused(['TAG.ROLLBACK', 'nosuch'], 'there is no tag "nosuch"');
    await refused(['TAG.ROLLBACK', 'base'], 'tag "base" has no versions: it was never loaded as a list');
    await refused(['TAG.ROLLBACK', 'vip', 'TO', '7'], 'tag "vip" has no version 7');
    await refused(['TAG.ROLLBACK', 'vip', 'TO', '2'], 'tag "vip" has version 2 already');
    await refused(['TAG.ROLLBACK', 'vip', '1'], 'syntax error');
    await refused(['TAG.DIFF', 'vip', '0'], "wrong number of arguments for 'tag.diff' command");
    await refused(['TAG.DIFF', 'vip', '0', '9'], 'tag "vip" has no version 9');
    await refused(['TAG.DIFF', 'vip', '0', '1', 'SIDE', 'both'], 'syntax error');
    await refused(
      ['TAG.DIFF', 'vip', '0', '1', 'COUNT', '0'],
      'value is out of range, value must between 1 and 1000000',
    );
    await refused(
      ['RELEASE.ROLLBACK', 'r1'],
      'release "r1" cannot be rolled back: tag "vip" has version 2 since; roll that back first',
    );
  });

  it('are kept as long as the policy says', async () => {
    expect(asObject(await send('TAG.POLICY', 'vip', 'KEEP', '1'))).toMatchObject({ keep: 1 });
    await refused(
      ['TAG.ROLLBACK', 'vip', 'TO', '0'],
      'version 0 of tag "vip" is not kept any more: the tag keeps 1 besides the current one',
    );
  });
});

describe('TAG.INFO', () => {
  it('tells the version, since when it is there, and whether that is too long', async () => {
    expect(asObject(await both('TAG.INFO', 'base'))).not.toHaveProperty('version');
    await send('TAG.REPLACE', 'base', 'USERS', 'u1');
    await send('TAG.POLICY', 'base', 'MAXAGE', '1000');
    expect(asObject(await both('TAG.INFO', 'base'))).toMatchObject({
      ...{ users: 1, version: 1, loadedAt: expect.stringMatching(/^20.*Z$/), maxAge: 1000, stale: 0 },
    });
    server.engine.apply({ type: 'rollBack', release: '', targets: [{ tag: 'base', version: 0 }] });
    expect(asObject(await both('TAG.INFO', 'base'))).not.toHaveProperty('loadedAt');
  });
});

describe('TAG.POLICY', () => {
  const NOTHING = {
    ...{ maxGrowth: null, maxShrinkage: null, minUsers: null, maxUsers: null, maxUnknown: null },
    ...{ maxChanged: null, maxAge: null, automatic: 'off', keep: 2 },
  };

  it('shows and changes, and takes limits away', async () => {
    expect(asObject(await both('TAG.POLICY', 'base'))).toEqual(NOTHING);
    const words = ['MAXGROWTH', '1.5', 'maxage', '60', 'AUTOMATIC', 'on', 'KEEP', '5'];
    const changed = { ...NOTHING, maxGrowth: 1.5, maxAge: 60, automatic: 'on', keep: 5 };
    expect(asObject(await send('TAG.POLICY', 'base', ...words))).toEqual(changed);
    expect(asObject(await send('TAG.POLICY', 'base', 'MAXGROWTH', 'none', 'AUTOMATIC', 'off'))).toEqual({
      ...changed,
      maxGrowth: null,
      automatic: 'off',
    });
  });

  it.each<[words: string[], error: string]>([
    [['nosuch'], 'there is no tag "nosuch"'],
    [['base', 'MAXGROWTH'], 'syntax error'],
    [['base', 'MAXGROWTH', '-1'], '"-1" is no limit: it is a number, or NONE'],
    [['base', 'MAXSHRINKAGE', '2'], 'tag "base": maxShrinkage is a share, 0.2 for 20 %, from 0 to 1, not 2'],
    [['base', 'SIZE', '1'], 'syntax error'],
    [['base', 'AUTOMATIC', 'maybe'], 'syntax error'],
    [['base', 'KEEP', '1000'], 'versions to keep: a whole number from 0 to 100, not 1000'],
    [[], "wrong number of arguments for 'tag.policy' command"],
  ])('%j is refused', (words, error) => refused(['TAG.POLICY', ...words], error));
});

describe('questions about another moment', () => {
  beforeEach(async () => {
    server.engine.addUsers('vip', ['u1', 'u2', 'u3']);
    await send('TAG.REPLACE', 'vip', 'RELEASE', 'r1', 'USERS', 'u2', 'u3', 'u4', 'gone');
    await send('TAG.REPLACE', 'age', 'RELEASE', 'r2', 'VALUES', 'u1', '30', 'u4', '40');
    await send('TAG.REPLACE', 'vip', 'RELEASE', 'r3', 'USERS', 'u6');
    await send('SEG.SAVE', 'club', 'vip and base');
  });

  it('count who was there then, also those who are no users any more', async () => {
    expect(server.engine.has('gone')).toBe(false);
    expect(await both('SCARD', 'tag:vip')).toBe(1);
    expect(await both('SCARD', 'tag:vip', 'AT', 'VERSION', '1')).toBe(4);
    expect(await both('SCARD', 'tag:vip', 'at', 'release', 'r2')).toBe(4);
    expect(await both('SCARD', 'tag:age=40', 'AT', 'RELEASE', 'r2')).toBe(1);
    expect(await both('SCARD', 'tag:age=40', 'AT', 'RELEASE', 'r1')).toBe(0);
    expect(await both('SCARD', 'audience:club', 'AT', 'VERSION', '1')).toBe(3);
    expect(await both('SEG.COUNT', 'vip', 'AT', 'VERSION', '0')).toBe(3);
    expect(await both('SEG.COUNT', '@club', 'AT', 'VERSION', '1')).toBe(3);
    expect(await both('SEG.COUNT', '@club')).toBe(1);
    expect(await both('SEG.COUNT', 'vip and age > 35', 'AT', 'RELEASE', 'r2')).toBe(1);
    expect(await both('SEG.COUNT', 'vip and age > 35', 'AT', 'RELEASE', 'r1')).toBe(0);
    expect(await both('SEG.COUNT', 'not vip', 'AT', 'VERSION', '1')).toBe(3);
    expect(await both('SEG.COUNT', 'users(gone) and vip', 'AT', 'VERSION', '1')).toBe(1);
    expect(await both('SEG.COUNT', 'users(gone, u1) and (vip or base)', 'AT', 'VERSION', '1')).toBe(2);
    expect(await both('SEG.USERS', 'vip', 'AT', 'VERSION', '1')).toEqual(['0', ['u2', 'u3', 'u4', 'gone']]);
    const [line] = (await send('SEG.EXPLAIN', 'vip', 'AT', 'VERSION', '1')) as string[];
    expect(line).toMatch(/^4 users in /);
    server.engine.eraseUser('gone');
    expect(await both('SCARD', 'tag:vip', 'AT', 'VERSION', '1')).toBe(3);
  });

  it('are refused', async () => {
    await refused(['SCARD', 'tag:vip', 'AT', 'VERSION', '9'], 'tag "vip" has no version 9');
    await refused(
      ['SCARD', 'tag:base', 'AT', 'VERSION', '1'],
      'none of the tags in question has versions: none was ever loaded as a list',
    );
    await refused(['SCARD', 'tag:nosuch', 'AT', 'VERSION', '1'], 'there is no tag "nosuch"');
    await refused(['SCARD', 'tag:vip', 'AT'], "wrong number of arguments for 'scard' command");
    await refused(['SCARD', 'tag:vip', 'x'], "wrong number of arguments for 'scard' command");
    await refused(['SCARD', 'tag:vip', 'AT', 'TIME', '1'], 'syntax error');
    await refused(['SEG.COUNT', 'vip', 'AT', 'VERSION', 'x'], 'value is not an integer or out of range');
    await refused(['SEG.COUNT', 'vip', 'AT', 'RELEASE', 'r9'], 'there is no release "r9"');
    await refused(
      ['SEG.COUNT', 'vip and age > 1', 'AT', 'VERSION', '1'],
      'tags "vip" and "age" both have versions: ask about a release, which says one of each',
    );
  });

  it('do not take a dropped tag for the one that has its name now', async () => {
    await send('SEG.DROP', 'club');
    await send('TAG.ROLLBACK', 'vip');
    await send('TAG.DROP', 'vip');
    await refused(['SEG.COUNT', 'vip', 'AT', 'RELEASE', 'r3'], 'there is no tag "vip"');
    for (const user of ['u1', 'u2', 'u3', 'u4'])
      await send('TAG.REPLACE', 'vip', 'RELEASE', user, 'USERS', user);
    await refused(
      ['SEG.COUNT', 'vip', 'AT', 'RELEASE', 'r3'],
      'what tag "vip" had right after release "r3" is not known any more',
    );
    expect(await both('SEG.COUNT', 'vip', 'AT', 'RELEASE', 'u3')).toBe(1);
  });
});
