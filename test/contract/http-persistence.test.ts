/** The data folder over HTTP: how it fares, and snapshots of it. */
import { readdirSync } from 'node:fs';
import { Compile } from 'typebox/compile';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SegmentdClient } from '../../protocol/client/index.js';
import { allEndpoints } from '../../protocol/http/endpoints/index.js';
import { openEngineOn } from '../../src/open.js';
import { FailingStorage } from '../../src/persistence/storage-crashing.js';
import { fileStorage } from '../../src/persistence/storage-file.js';
import { ask, type RawAnswer, RawHttpClient, requestText } from '../support/http-client.js';
import { startTestHttp, type TestHttpServer, TRANSPORTS } from '../support/http-server.js';
import { TestFolder } from '../support/test-folder.js';

const PATH = '/v1/persistence';
const SNAPSHOT = '/v1/persistence/snapshot';
const OPTIONS = { snapshotAge: 0, snapshotJournalBytes: 0 };

let folder: TestFolder;
let isFull = false;
const servers: TestHttpServer[] = [];

beforeEach(() => {
  folder = new TestFolder();
  isFull = false;
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close().catch(() => {})));
  folder.remove();
});

const answers = Compile(
  allEndpoints.find(({ document }) => document.id === 'getPersistence')!.document.answer!,
);

/** What an answer says, which is as it was declared. */
function stateIn({ body }: RawAnswer): Record<string, unknown> {
  const state = JSON.parse(body.toString()) as Record<string, unknown>;
  expect([...answers.Errors(state)]).toEqual([]);
  return state;
}

function problemIn({ status, body }: RawAnswer): [number, string, string] {
  const { code, detail } = JSON.parse(body.toString()) as { code: string; detail: string };
  return [status, code, detail];
}

const snapshots = (): string[] => readdirSync(folder.path).filter((name) => name.startsWith('snapshot'));

describe.each(TRANSPORTS)('over %s', (transport) => {
  /** A server on the folder, whose disk is full when `isFull` says so. */
  async function start(options: Parameters<typeof openEngineOn>[0] = {}): Promise<TestHttpServer> {
    const storage = new FailingStorage(fileStorage, (_, path) => {
      if (isFull && path.includes('snapshot')) throw new Error('ENOSPC: no space left');
    });
    const engine = openEngineOn({ dataDir: folder.path, ...OPTIONS, ...options }, storage);
    const server = await startTestHttp(transport, allEndpoints, {}, {}, engine);
    servers.push(server);
    return server;
  }

  /** Asks until no snapshot is being written. */
  async function saved({ port }: TestHttpServer): Promise<Record<string, unknown>> {
    for (;;) {
      const state = stateIn(await ask(port, 'GET', PATH));
      if (state['snapshotProgress'] === null) return state;
    }
  }

  test('tells how the folder fares', async () => {
    const server = await start();
    expect(stateIn(await ask(server.port, 'GET', PATH))).toEqual({
      directory: folder.path,
      fsync: 'everysec',
      readOnly: false,
      failure: null,
      journal: 'journal-000001.log',
      journalBytes: 16,
      changesSinceSnapshot: 0,
      snapshot: null,
      snapshotProgress: null,
      snapshotSeconds: null,
      snapshotFailure: null,
      replayedChanges: 0,
      replaySeconds: expect.any(Number),
      tornBytes: 0,
      damagedSnapshot: null,
    });
    server.engine.setTags('anna', { sports: true });
    server.engine.setTags('bert', { sports: true });
    server.engine.flush();
    const { persistence } = server.engine;
    expect(stateIn(await ask(server.port, 'GET', PATH))).toMatchObject({
      changesSinceSnapshot: 2,
      journalBytes: persistence!.journalBytes,
    });
    await server.close();
    const again = await start();
    expect(stateIn(await ask(again.port, 'GET', PATH))).toMatchObject({
      replayedChanges: 2,
      changesSinceSnapshot: 2,
    });
  });

  test('begins a snapshot, tells how far it is, and refuses a second one meanwhile', async () => {
    const server = await start();
    server.engine.setTags('anna', { sports: true });
    const client = await RawHttpClient.open(server.port);
    client.send(
      [requestText('POST', SNAPSHOT), requestText('POST', SNAPSHOT), requestText('GET', PATH)].join(''),
    );
    const [begun, second, during] = [await client.answer(), await client.answer(), await client.answer()];
    client.destroy();
    expect(begun.status).toBe(202);
    expect(stateIn(begun)).toMatchObject({ snapshot: null, snapshotProgress: 0 });
    expect(problemIn(second)).toEqual([
      409,
      'SNAPSHOT_RUNNING',
      'a snapshot is being written: wait until it is done',
    ]);
    stateIn(during);
    await saved(server);
    const { created, ...rest } = server.engine.persistence!.snapshot!;
    expect(stateIn(await ask(server.port, 'GET', PATH))).toMatchObject({
      snapshot: { ...rest, created: new Date(created).toISOString() },
      snapshotProgress: null,
      snapshotSeconds: expect.any(Number),
      changesSinceSnapshot: 0,
    });
    expect(snapshots()).toEqual(['snapshot-000002']);
  });

  test('answers when it is there, if that is asked for', async () => {
    const server = await start();
    server.engine.setTags('anna', { sports: true });
    const answer = await ask(server.port, 'POST', `${SNAPSHOT}?wait`);
    expect(answer.status).toBe(200);
    expect(stateIn(answer)).toMatchObject({
      snapshot: { name: 'snapshot-000002' },
      snapshotProgress: null,
      snapshotFailure: null,
      changesSinceSnapshot: 0,
    });
    expect(server.service.waiting).toBe(0);
    await server.close();
    expect((await start()).engine.count('sports')).toBe(1);
  });

  test('tells why there is none, until there is one', async () => {
    const server = await start();
    server.engine.setTags('anna', { sports: true });
    isFull = true;
    const failed = problemIn(await ask(server.port, 'POST', `${SNAPSHOT}?wait`));
    expect(failed.slice(0, 2)).toEqual([503, 'PERSISTENCE_FAILED']);
    expect(failed[2]).toContain('no space left');
    expect((await ask(server.port, 'POST', SNAPSHOT)).status).toBe(202);
    expect((await saved(server))['snapshotFailure']).toContain('no space left');
    expect(snapshots()).toEqual([]);
    isFull = false;
    expect((await ask(server.port, 'POST', `${SNAPSHOT}?wait`)).status).toBe(200);
    expect((await saved(server))['snapshotFailure']).toBeNull();
  });

  test('has nothing to save in memory, or in a folder that is only read', async () => {
    const inMemory = await startTestHttp(transport, allEndpoints);
    servers.push(inMemory);
    expect(JSON.parse((await ask(inMemory.port, 'GET', PATH)).body.toString())).toBeNull();
    for (const path of [SNAPSHOT, `${SNAPSHOT}?wait`]) {
      expect(problemIn(await ask(inMemory.port, 'POST', path))).toEqual([
        403,
        'NOT_ALLOWED',
        'there is no data folder to save to: everything is in memory. Start with --data-dir',
      ]);
    }
    await (await start()).close();
    const reader = await start({ readOnly: true });
    expect(stateIn(await ask(reader.port, 'GET', PATH))).toMatchObject({ readOnly: true });
    expect(problemIn(await ask(reader.port, 'POST', SNAPSHOT)).slice(0, 2)).toEqual([403, 'READ_ONLY']);
  });

  test('a client that leaves while it waits leaves nothing behind, and the snapshot goes on', async () => {
    const server = await start();
    server.engine.setTags('anna', { sports: true });
    const client = await RawHttpClient.open(server.port);
    await client.sent(requestText('POST', `${SNAPSHOT}?wait`));
    client.destroy();
    await expect.poll(() => server.engine.persistence!.snapshot?.name).toBe('snapshot-000002');
    await expect.poll(() => server.service.waiting).toBe(0);
  });

  test('can be had by the client', async () => {
    const server = await start();
    const client = new SegmentdClient({ url: `http://127.0.0.1:${server.port}` });
    expect((await client.getPersistence())?.snapshot).toBeNull();
    expect((await client.startSnapshot({ wait: true })).snapshot?.name).toBe('snapshot-000002');
  });
});
