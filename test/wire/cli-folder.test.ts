/** The built command line on data folders, in processes of their own. */
import { existsSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Ended, runCli, startCli, startCliUntil } from '../support/cli.js';
import { RespClient } from '../support/resp-client.js';
import { TestFolder } from '../support/test-folder.js';

const KEEP_JOURNALS = { snapshotAge: 0, snapshotJournalBytes: 0 };

let folder: TestFolder;
let other: TestFolder;

beforeEach(() => {
  folder = new TestFolder();
  other = new TestFolder();
});
afterEach(() => {
  folder.remove();
  other.remove();
});

/** So many users, each a change in the journal. */
function fill(users: number): void {
  const engine = folder.open(KEEP_JOURNALS);
  for (let i = 0; i < users; i++) {
    engine.setTags(`user-${i}`, { sports: true, city: 'Oslo', vip: true, size: 'XL', news: true });
    if (i % 1_000 === 0) engine.flush();
  }
  engine.close();
}

function expectFailure({ code, stdout, stderr }: Ended, line: RegExp): void {
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^segmentd: [^\n]+\n$/);
  expect(stderr.slice('segmentd: '.length, -1)).toMatch(line);
}

it('checks, copies and restores a folder, and has a snapshot written', async () => {
  const { path } = folder;
  const server = await startCli('--data-dir', path);
  const client = await RespClient.open(server.port);
  await client.call('HSET', 'user:u1', 'city', 'Oslo');
  const snapshot = await runCli(['snapshot', '--resp-port', `${server.port}`]);
  expect(snapshot).toMatchObject({ code: 0, stderr: '' });
  expect(snapshot.stdout).toMatch(/^snapshot-000002 is written: \d+\.\d kB in \d+\.\d s\n$/);
  await client.call('HSET', 'user:u2', 'city', 'Oslo');
  await client.close();
  const sound = await runCli(['check', path]);
  expect(sound).toMatchObject({ code: 0, stderr: '' });
  expect(sound.stdout).toMatch(/\n {2}together: 2 users, 1 tag, 2 values, 0 audiences\nsound\n$/);
  expect((await runCli(['check', path, '--erased', 'u2'])).code).toBe(1);
  expect((await runCli(['check', path, '--erased', 'nobody'])).code).toBe(0);
  const [backup, copy] = [join(other.path, 'backup'), join(other.path, 'copy')];
  expect(await runCli(['backup', path, backup])).toMatchObject({ code: 0, stderr: '' });
  expect(await runCli(['restore', backup, copy])).toMatchObject({ code: 0, stderr: '' });
  expectFailure(await runCli(['restore', backup, path]), /is not empty/);
  expectFailure(await runCli(['serve', '--data-dir', path, '--http-port', '0']), /is in use by process/);
  await server.stop();
  expect([...other.open({ dataDir: copy }).members('city')].sort()).toEqual(['u1', 'u2']);
  truncateSync(join(path, 'snapshot-000002', 'records.bin'), 10);
  const damaged = await runCli(['check', path]);
  expect([damaged.code, damaged.stderr]).toEqual([1, '']);
  expect(damaged.stdout).toMatch(/\nproblem: .*records\.bin.*\nnot sound: 1 problem\n$/);
});

it('tells in one line what is no folder, no backup, no server', async () => {
  const file = join(other.path, 'file');
  writeFileSync(file, 'something else, and long enough for a head');
  const nosuch = join(other.path, 'nosuch');
  expectFailure(await runCli(['check', nosuch]), /nosuch cannot be opened: ENOENT/);
  expectFailure(await runCli(['check', file]), /file cannot be opened: ENOTDIR/);
  expectFailure(await runCli(['backup', folder.path, nosuch]), /has no MANIFEST/);
  expectFailure(await runCli(['restore', file, nosuch]), /does not begin as an archive does/);
  expectFailure(await runCli(['snapshot', '--resp-port', '1']), /^no server answers at 127\.0\.0\.1:1;/);
  expect(existsSync(nosuch)).toBe(false);
});

it('says how data is kept', async () => {
  fill(1);
  const options = ['--data-dir', folder.path];
  const said = async (...more: string[]): Promise<string> => {
    const server = await startCli(...options, ...more);
    return (await server.stop()).stdout;
  };
  expect(await said('--fsync', 'always')).toContain('\nfsync always: what was replied to is on the disk\n');
  expect(await said('--fsync', 'no')).toMatch(/\nfsync no: .* the loss of power what/);
  expect(await said()).toMatch(/\nfsync everysec: .* the loss of power at most the last second\n/);
  const owner = await startCli(...options);
  const readOnly = await startCli(...options, '--read-only', '--sample');
  expect(readOnly.lines).toContain('sample not loaded: the data folder is only read');
  const client = await RespClient.open(readOnly.port);
  expect(await client.error('HSET', 'user:u1', 'a', '1')).toMatch(/^READONLY changes are refused: /);
  expect(await client.call('HGET', 'user:user-0', 'city')).toBe('Oslo');
  await client.close();
  expect((await readOnly.stop()).stdout).toContain('\nread-only: the data as it was when it was opened');
  expect((await owner.stop()).code).toBe(0);
  const engine = folder.open(KEEP_JOURNALS);
  engine.snapshotNow();
  engine.close();
  expect(await said()).toMatch(/snapshot-000002 of \d+\.\d kB read, 0 changes replayed in \d\.\d s\n/);
});

describe('while it loads', () => {
  /** Waits until clients are told to wait; HTTP is off, and the port a free one. */
  const start = async (...more: string[]) => {
    const args = ['serve', '--resp-port', '0', '--http-port', '0', '--data-dir', folder.path, ...more];
    const server = await startCliUntil(/^loading .*: until that is done, clients of \S+:(\d+) /, args);
    return { ...server, port: Number(server.found[1]) };
  };

  // Far more than is loaded before anybody is told to wait.
  beforeEach(() => fill(200_000));

  it.each(['SIGTERM', 'SIGINT'] as const)('ends by %s and lets go of the folder', async (signal) => {
    const server = await start();
    const client = await RespClient.open(server.port);
    expect(await client.error('HGETALL', 'user:user-1')).toMatch(/^LOADING /);
    server.process.kill(signal);
    const { code, stdout, stderr } = await server.ended;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).not.toContain('serves Redis clients');
    expect(readdirSync(folder.path).sort()).toEqual(['MANIFEST', 'journal-000001.log']);
    await client.closed();
  });

  it('ends by SHUTDOWN', async () => {
    const server = await start();
    const client = await RespClient.open(server.port);
    client.send(['SHUTDOWN']);
    expect(await server.ended).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(folder.path).sort()).toEqual(['MANIFEST', 'journal-000001.log']);
  });

  it('serves the same connections when it is done, and logs how far it is', async () => {
    const server = await start('--log-level', 'info');
    const client = await RespClient.open(server.port);
    expect(await client.error('PING')).toMatch(/^LOADING /);
    for (;;) {
      const info = String(await client.call('INFO', 'persistence'));
      if (info.includes('\nloading:0')) break;
      expect(await client.call('ECHO', 'a')).toBe('a');
    }
    expect(await client.call('SCARD', 'tag:sports')).toBe(200_000);
    await client.close();
    const { code, stdout, stderr } = await server.stop();
    expect(code).toBe(0);
    expect(stdout).toMatch(/: 200,000 changes replayed in \d+\.\d s\nsegmentd \S+ serves Redis clients on /);
    expect(stderr).toMatch(/"percent":\d+,"bytes":\d+,"msg":"loading the data folder"/);
    expect(stderr).not.toContain('\r');
  });

  it('tells what it cannot load, and leaves the folder as it was', async () => {
    const journal = join(folder.path, 'journal-000001.log');
    writeFileSync(journal, 'damage', { flag: 'r+' });
    const ended = await runCli(['serve', '--data-dir', folder.path, '--resp-port', '0', '--http-port', '0']);
    expectFailure(ended, /journal-000001\.log is damaged at offset 0/);
    expect(readdirSync(folder.path).sort()).toEqual(['MANIFEST', 'journal-000001.log']);
  });
});
