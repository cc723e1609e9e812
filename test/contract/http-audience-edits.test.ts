/** Edits of saved audiences under conditions, over either transport: nobody's work is lost unseen. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { allEndpoints } from '../../protocol/http/endpoints/index.js';
import type { Mutation } from '../../src/index.js';
import {
  AudienceClient,
  etagOf,
  type Headers,
  outcomeOf,
  PLAIN,
  resultOf,
} from '../support/audience-client.js';
import { startTestHttp, type TestHttpServer, TRANSPORTS } from '../support/http-server.js';
import { TestFolder } from '../support/test-folder.js';

/** Freezing so many takes several turns. */
const MANY = 25_000;

describe.each(TRANSPORTS)('%s', (transport) => {
  let server: TestHttpServer;
  let client: AudienceClient;

  beforeEach(async () => {
    server = await startTestHttp(transport, allEndpoints);
    client = await AudienceClient.open(server.port);
    server.engine.setTags('p1', { a: true, b: true });
    server.engine.setTags('p2', { a: true });
    server.engine.setTags('p3', { b: true, c: 'x' });
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    client.destroy();
    await server.close();
  });

  describe('entity tags', () => {
    const NONE = '"AAAAAAAAAAAAAAAAAAAAAA"';

    test('are what a reader has, or not', async () => {
      const etag = etagOf(await client.put('one', 'a'));
      for (const known of [etag, `W/${etag}`, `"x", ${etag}`, ` ,${etag},`, '*', `"x",,W/"y" , ${etag}`]) {
        for (const method of ['GET', 'HEAD']) {
          const answer = await client.call(method, '/one', undefined, { 'if-none-match': known });
          expect([answer.status, answer.body.length, etagOf(answer)]).toEqual([304, 0, etag]);
          for (const absent of ['content-length', 'transfer-encoding', 'content-type'])
            expect(answer.headers.has(absent)).toBe(false);
        }
      }
      for (const other of [NONE, 'W/"x"', etag.toUpperCase(), '"*"', '""']) {
        const answer = await client.call('GET', '/one', undefined, { 'if-none-match': other });
        expect([answer.status, etagOf(answer)]).toEqual([200, etag]);
      }
      const missing = await client.call('GET', '/two', undefined, { 'if-none-match': '*' });
      expect(outcomeOf(missing)).toEqual([404, 'UNKNOWN_AUDIENCE']);
    });

    test('are conditions for every edit', async () => {
      const edits: [string, unknown][] = [
        ['PUT', { expression: 'b' }],
        ['PUT', { expression: 'b', kind: 'fixed' }],
        ['PATCH', { owner: 'x' }],
        ['DELETE', undefined],
      ];
      for (const [method, body] of edits) {
        const isFixed = (body as { kind?: string } | undefined)?.kind === 'fixed';
        const beginning = isFixed ? { expression: 'a', kind: 'fixed' } : { expression: 'a' };
        const etag = etagOf(await client.put('one', beginning));
        for (const wrong of [NONE, `W/${etag}`, '""', `${NONE}, "x"`]) {
          const answer = await client.call(method, '/one', body, { 'if-match': wrong });
          expect(outcomeOf(answer)).toEqual([412, 'PRECONDITION_FAILED']);
          expect(resultOf<{ detail: string }>(answer).detail).toContain(etag);
          expect(await client.get('one')).toMatchObject({ expression: 'a', etag });
        }
        const right = await client.call(method, '/one', body, { 'if-match': `"x" ,${etag}` });
        expect(outcomeOf(right)).toBe(method === 'DELETE' ? 204 : 200);
        if (method === 'DELETE') continue;
        const again = await client.call(method, '/one', body, { 'if-match': etag });
        expect(outcomeOf(again)).toEqual([412, 'PRECONDITION_FAILED']);
        expect(outcomeOf(await client.call(method, '/one', body, { 'if-match': '*' }))).toBe(200);
        server.engine.audiences.drop('one');
      }
    });

    test('say whether there must be one, or none', async () => {
      for (const kind of ['dynamic', 'fixed']) {
        const body = { expression: 'a', kind };
        const failed = [412, 'PRECONDITION_FAILED'];
        for (const wanted of ['*', NONE])
          expect(outcomeOf(await client.put('one', body, { 'if-match': wanted }))).toEqual(failed);
        expect(server.engine.audiences.list()).toEqual([]);
        const made = await client.put('one', body, { 'if-none-match': '*' });
        expect(outcomeOf(made)).toBe(201);
        for (const known of ['*', etagOf(made), `W/${etagOf(made)}`])
          expect(outcomeOf(await client.put('one', body, { 'if-none-match': known }))).toEqual(failed);
        expect(await client.get('one')).toMatchObject({ etag: etagOf(made) });
        expect(outcomeOf(await client.put('one', body, { 'if-match': '*', 'if-none-match': NONE }))).toBe(
          200,
        );
        expect(outcomeOf(await client.call('DELETE', '/one', undefined, { 'if-match': '*' }))).toBe(204);
      }
    });

    test.each(['x', 'x"', '"x', '"x" "y"', '*, "x"', "'x'", 'w/"x"', '"a b"', '**', '"x";q=1', '"', ','])(
      '%j is none',
      async (header) => {
        const etag = etagOf(await client.put('one', 'a'));
        const detail = 'must be * or entity tags in double quotes, such as "abc", with commas between';
        for (const [name, shown, method, body] of [
          ['if-match', 'If-Match', 'PUT', { expression: 'b' }],
          ['if-match', 'If-Match', 'DELETE', undefined],
          ['if-none-match', 'If-None-Match', 'GET', undefined],
        ] as const) {
          const answer = await client.call(method, '/one', body, { [name]: header });
          expect(outcomeOf(answer)).toEqual([400, 'INVALID_ARGUMENT']);
          expect(resultOf(answer)).toMatchObject({ detail: `the header ${shown} ${detail}` });
        }
        expect(await client.get('one')).toMatchObject({ expression: 'a', etag });
      },
    );

    test('differ after every edit, even if the clock stands still or goes back', async () => {
      const { audiences } = server.engine;
      let now = 1_700_000_000_000;
      vi.spyOn(Date, 'now').mockImplementation(() => now);
      await client.put('fixed', { expression: 'a', kind: 'fixed' });
      await client.put('dynamic', 'a');
      await client.put('user', '@dynamic');
      const edits: [string, () => unknown][] = [
        ['fixed', () => audiences.addUsers('fixed', ['p3'])],
        ['fixed', () => audiences.removeUsers('fixed', ['p3'])],
        ['fixed', () => client.put('fixed', { expression: 'a', kind: 'fixed' })],
        ['fixed', () => audiences.describe('fixed', { owner: 'x' })],
        ['fixed', () => client.call('PATCH', '/fixed', { owner: '' })],
        ['dynamic', () => client.put('dynamic', 'b')],
        ['dynamic', () => client.put('dynamic', 'a')],
        ['dynamic', () => client.call('PATCH', '/dynamic', { labels: ['x'] })],
        ['user', () => audiences.rename('dynamic', 'renamed')],
        ['user', () => audiences.rename('renamed', 'dynamic')],
      ];
      const seen = new Set<unknown>();
      for (const step of [0, -10_000, 1]) {
        now += step;
        for (const [name, edit] of edits) {
          seen.add((await client.get(name))['etag']);
          const { size } = seen;
          await edit();
          expect(seen.add((await client.get(name))['etag']).size).toBe(size + 1);
        }
      }
    });

    test('do not depend on who is in it, nor on whether that was counted', async () => {
      await client.put('fixed', { expression: 'a', kind: 'fixed' });
      await client.put('dynamic', 'a');
      const before = [(await client.get('fixed'))['etag'], (await client.get('dynamic'))['etag']];
      server.engine.audiences.count('@dynamic');
      server.engine.eraseUser('p1');
      server.engine.setTags('p9', { a: true });
      expect(await client.get('fixed')).toMatchObject({ users: 1, etag: before[0] });
      expect(await client.get('dynamic')).toMatchObject({ etag: before[1] });
    });

    test('are the same after a restart', async () => {
      const folder = new TestFolder();
      const etags: unknown[] = [];
      for (const isFirst of [true, false]) {
        const restarted = await startTestHttp(transport, allEndpoints, {}, {}, folder.open());
        client.destroy();
        client = await AudienceClient.open(restarted.port);
        if (isFirst) {
          restarted.engine.setTags('p1', { a: true });
          await client.put('fixed', { expression: 'a', kind: 'fixed', labels: ['x'] });
          await client.put('dynamic', { expression: 'a', description: 'ü' });
          await client.call('PATCH', '/dynamic', { name: 'renamed', owner: 'me' });
        }
        etags.push([(await client.get('fixed'))['etag'], (await client.get('renamed'))['etag']]);
        await restarted.close();
      }
      expect(etags[0]).toEqual(etags[1]);
      folder.remove();
    });
  });

  describe('freezing in several turns', () => {
    beforeEach(() => {
      const { engine } = server;
      const users = Array.from({ length: MANY }, (_, i) => `u${i}`);
      engine.addUsers('many', users);
    });

    /** Does something when a part of the users is written. */
    const meanwhile = (act: () => void): void => {
      const { engine } = server;
      const apply = engine.apply.bind(engine);
      let isDone = false;
      vi.spyOn(engine, 'apply').mockImplementation((mutation: Mutation) => {
        const changes = apply(mutation);
        if (mutation.type === 'draftAudience' && !isDone) {
          isDone = true;
          act();
        }
        return changes;
      });
    };
    const many = { expression: 'many', kind: 'fixed', owner: 'late' };

    test('an edit that comes in between is not lost', async () => {
      const { audiences } = server.engine;
      const edits = [
        () => audiences.describe('one', { owner: 'early' }),
        () => audiences.addUsers('one', ['u1']),
        () => audiences.freeze('one', 'b'),
        () => audiences.rename('one', 'two'),
        () => audiences.drop('one'),
      ];
      for (const edit of edits) {
        const etag = etagOf(await client.put('one', { expression: 'a', kind: 'fixed' }));
        let after: unknown;
        meanwhile(() => {
          edit();
          after = audiences.list();
        });
        const answer = await client.put('one', many, { 'if-match': etag });
        expect(outcomeOf(answer)).toEqual([412, 'PRECONDITION_FAILED']);
        expect(after).toBeDefined();
        expect(audiences.list()).toEqual(after);
        expect(server.engine.store.audiences.drafts).toEqual([]);
        vi.restoreAllMocks();
        for (const { name } of audiences.list()) audiences.drop(name);
      }
    });

    test('one that is made in between is not replaced, if there must be none', async () => {
      meanwhile(() => server.engine.audiences.freeze('one', 'a'));
      const answer = await client.put('one', many, { 'if-none-match': '*' });
      expect(outcomeOf(answer)).toEqual([412, 'PRECONDITION_FAILED']);
      expect(await client.get('one')).toMatchObject({ users: 2, owner: '' });
    });

    test('without conditions the last one counts, and the answer is about the end', async () => {
      meanwhile(() => server.engine.audiences.freeze('one', 'a', { description: 'early' }));
      const replaced = await client.put('one', many);
      expect([outcomeOf(replaced), resultOf(replaced)]).toEqual([
        200,
        expect.objectContaining({ users: MANY, owner: 'late', description: '' }),
      ]);
      expect(await client.get('one')).toMatchObject({ etag: etagOf(replaced) });
      vi.restoreAllMocks();
      meanwhile(() => server.engine.audiences.drop('one'));
      expect(outcomeOf(await client.put('one', many))).toBe(201);
      vi.restoreAllMocks();
      meanwhile(() => server.engine.audiences.save('two', 'a'));
      expect(outcomeOf(await client.put('two', many))).toEqual([409, 'AUDIENCE_CONFLICT']);
      expect(server.engine.store.audiences.drafts).toEqual([]);
    });

    test('one who leaves, leaves nothing', async () => {
      meanwhile(() => client.destroy());
      const gone = client.put('one', many).catch(() => 'gone');
      expect(await gone).toBe('gone');
      await expect.poll(() => server.service.waiting).toBe(0);
      client = await AudienceClient.open(server.port);
      // Its batches may all have been written by the time that it was noticed.
      const answer = await client.call('GET', '/one');
      if (answer.status === 200) expect(resultOf(answer)).toMatchObject({ users: MANY });
      expect(server.engine.store.audiences.drafts).toEqual([]);
    });
  });

  test('any edits, under any conditions, do what they say', async () => {
    const name = fc.constantFrom('x', 'y');
    const which = fc.constantFrom('none', 'present', 'former', 'any', 'new');
    const details = fc.record(
      {
        owner: fc.constantFrom('', 'me'),
        labels: fc.constantFrom([], ['l']),
        description: fc.constantFrom('', 'd'),
      },
      { requiredKeys: [] },
    );
    const edit = fc.record({
      method: fc.constantFrom('PUT', 'PATCH', 'DELETE'),
      name,
      which,
      details,
      isFixed: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 5, maxLength: 20 }), async (edits) => {
        server.engine.clear();
        server.engine.setTags('p1', { a: true });
        const model = new Map<string, { state: object; isFixed: boolean; etag: string }>();
        let former = '"never"';
        for (const { method, name, which, details, isFixed } of edits) {
          const known = model.get(name);
          const present = known?.etag ?? '"missing"';
          const conditions: Record<string, Headers> = {
            present: { 'if-match': present },
            former: { 'if-match': former },
            any: { 'if-match': '*' },
            new: { 'if-none-match': '*' },
          };
          const kind = isFixed ? 'fixed' : 'dynamic';
          const body =
            method === 'PUT'
              ? { expression: 'a', kind, ...details }
              : method === 'PATCH'
                ? details
                : undefined;
          const answer = await client.call(method, `/${name}`, body, conditions[which]);
          const holds: Record<string, boolean> = {
            none: true,
            present: known !== undefined,
            former: former === known?.etag,
            any: known !== undefined,
            new: known === undefined || method !== 'PUT', // Others do not read it.
          };
          let expected: unknown;
          if (method !== 'PUT' && known === undefined) expected = [404, 'UNKNOWN_AUDIENCE'];
          else if (!holds[which]) expected = [412, 'PRECONDITION_FAILED'];
          else if (method === 'PUT' && known !== undefined && known.isFixed !== isFixed)
            expected = [409, 'AUDIENCE_CONFLICT'];
          else expected = method === 'DELETE' ? 204 : method === 'PUT' && known === undefined ? 201 : 200;
          expect(outcomeOf(answer)).toEqual(expected);
          if (answer.status >= 400) continue;
          if (known !== undefined) former = known.etag;
          if (method === 'DELETE') model.delete(name);
          else {
            const base = method === 'PUT' ? { ...PLAIN, kind } : known!.state;
            const fixed = method === 'PUT' ? isFixed : known!.isFixed;
            model.set(name, { state: { ...base, ...details }, isFixed: fixed, etag: etagOf(answer) });
          }
        }
        for (const [name, { state, etag }] of model)
          expect(await client.get(name)).toMatchObject({ ...state, etag });
        expect(server.engine.audiences.list()).toHaveLength(model.size);
      }),
      { numRuns: 40 },
    );
  });
});
