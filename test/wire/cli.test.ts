import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, runCli, type SpawnedServer, startCli } from '../support/cli.js';
import { freePort } from '../support/free-port.js';
import { RespClient } from '../support/resp-client.js';
import { SlowClient } from './slow-client.js';

const USAGE = 2;
const FAILED = 1;

/** A failure is told in one line, on the standard error, and nothing else is. */
function expectLine({ code, stdout, stderr }: Ended, exit: number, line: string | RegExp): void {
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^segmentd: [^\n]+\n$/);
  const text = stderr.slice('segmentd: '.length, -1);
  if (typeof line === 'string') expect(text).toBe(line);
  else expect(text).toMatch(line);
  expect(code).toBe(exit);
}

describe('help', () => {
  it.concurrent.each([
    [['--help'], 'usage:\n  segmentd serve'],
    [['help'], 'usage:\n  segmentd serve'],
    [['help', 'serve'], '--resp-port N'],
    [['serve', '--help'], '--resp-port N'],
    [['load', '-h'], '--id COLUMN'],
    [['help', 'check'], 'usage: segmentd check DIR [--erased ID]'],
    [['backup', '--help'], 'usage: segmentd backup DIR FILE'],
    [['restore', '-h'], 'usage: segmentd restore FILE DIR'],
    [['help', 'snapshot'], '--host HOST, --resp-port PORT, --password PASSWORD'],
  ])('%j', async (args, part) => {
    const { code, stdout, stderr } = await runCli(args);
    expect(stdout).toContain(part);
    expect([code, stderr]).toEqual([0, '']);
  });

  it.concurrent('without a command is wrong usage', async () => {
    const { code, stdout } = await runCli([]);
    expect(code).toBe(USAGE);
    expect(stdout).toContain('usage:');
  });

  it.concurrent.each(['--version', '-v'])('%s', async (flag) => {
    const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    const { version } = JSON.parse(manifest) as { version: string };
    expect(await runCli([flag])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('wrong usage', () => {
  it.concurrent.each<[args: string[], line: string | RegExp, env?: Record<string, string>]>([
    [['frobnicate'], 'there is no command "frobnicate"; see segmentd --help'],
    [['--nosuch'], 'there is no command "--nosuch"; see segmentd --help'],
    [['serve', '--nosuch'], "Unknown option '--nosuch'; see segmentd --help"],
    [['serve', '--resp-port', '0', 'extra'], /^Unexpected argument 'extra'/],
    [['serve', '--resp-port'], /--resp-port.* argument missing; see segmentd --help$/],
    [['serve', '--resp-port', 'x'], '--resp-port must be a whole number from 0 to 65535'],
    [['serve', '--resp-port', '65536'], '--resp-port must be a whole number from 0 to 65535'],
    [['serve', '--resp-port=-1'], '--resp-port must be a whole number from 0 to 65535'],
    [['serve', '--max-clients', '0'], '--max-clients must be a whole number from 1 to 1000000'],
    [['serve'], 'SEGMENTD_RESP_PORT must be a whole number from 0 to 65535', { SEGMENTD_RESP_PORT: 'x' }],
    [['serve', '--resp-port', '0', '--host', '192.0.2.1'], /^cannot listen on 192\.0\.2\.1:0: /],
    [['help', 'nosuch'], 'there is no command "nosuch"; see segmentd --help'],
    [['help', 'constructor'], 'there is no command "constructor"; see segmentd --help'],
    [['serve', '--fsync', 'sometimes'], '--fsync must be one of always, everysec, no'],
    [['serve', '--read-only'], '--read-only needs a folder to read: name it with --data-dir'],
    [['serve'], '--read-only needs a folder to read: name it with --data-dir', { SEGMENTD_READ_ONLY: 'yes' }],
    [['check'], 'check needs DIR; see segmentd help check'],
    [['check', 'a', 'b'], 'check needs DIR; see segmentd help check'],
    [['check', 'a', '--erased'], /--erased.* argument missing; see segmentd --help$/],
    [['check', 'a', '--erased='], '--erased needs an id'],
    [['backup', 'a'], 'backup needs DIR and FILE; see segmentd help backup'],
    [['restore', 'a', '--force'], "Unknown option '--force'; see segmentd --help"],
    [['snapshot', 'a'], 'snapshot takes no arguments; see segmentd help snapshot'],
    [['snapshot', '--resp-port', 'x'], '--resp-port must be a whole number from 0 to 65535'],
    [['load'], 'load needs at least one FILE; see segmentd help load'],
    [['load', 'a.csv', '--nosuch'], "Unknown option '--nosuch'; see segmentd --help"],
    [['load', 'a.csv', '--number', 'x', '--enum', 'x'], /the column "x" is named by two options/],
  ])('%j', async (args, line, env) => {
    expectLine(await runCli(args, env), USAGE, line);
  });
});

describe('a load', () => {
  let folder: string;
  let server: SpawnedServer;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'segmentd-cli-'));
    server = await startCli();
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };

  it('tells what it took and what it refused', async () => {
    const people = file('people.csv', 'name,age\nann,39\nbob,old\n');
    const port = `${server.port}`;
    const { code, stdout, stderr } = await runCli([
      ...['load', people, '--id', 'name', '--number', 'age', '--resp-port', port],
    ]);
    expect(stdout.replace(/in [\d.]+ s/, 'in N s')).toBe(
      'people.csv: 2 rows read, 1 taken, 1 refused, in N s\n  line 3: tag "age" is a number: "old" is not an integer\n',
    );
    expect([code, stderr]).toEqual([0, '']);
    const client = await RespClient.open(server.port);
    expect(await client.call('HGETALL', 'user:ann')).toEqual(['age', '39']);
    await client.close();
  });

  it('fails in one line', async () => {
    const port = ['--resp-port', `${server.port}`];
    expectLine(await runCli(['load', join(folder, 'nosuch.csv'), ...port]), FAILED, /nosuch\.csv/);
    const noId = file('noid.csv', 'name\nann\n');
    expectLine(await runCli(['load', noId, ...port]), FAILED, /^noid\.csv: there is no column "id"/);
    const good = file('good.csv', 'id,city\nu1,Oslo\n');
    const gone = await startCli();
    await gone.stop();
    const closed = await runCli(['load', good, '--resp-port', `${gone.port}`]);
    expectLine(closed, FAILED, /^no server answers at 127\.0\.0\.1:\d+; start one with "segmentd serve"/);
  });

  it('of nothing but refused rows fails', async () => {
    const bad = file('bad.csv', 'id,n\nu1,x\n');
    const { code, stdout } = await runCli(['load', bad, '--number', 'n', '--resp-port', `${server.port}`]);
    expect(code).toBe(FAILED);
    expect(stdout).toContain('bad.csv: 1 row read, 0 taken, 1 refused');
  });
});

describe('a server', () => {
  it('says where it serves and what to try', async () => {
    const server = await startCli('--password', 'secret');
    const client = await RespClient.open(server.port);
    expect(await client.error('PING')).toMatch(/^NOAUTH/);
    expect(await client.call('AUTH', 'secret')).toBe('OK');
    const { code, stdout, stderr } = await server.stop();
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('warning: nothing is kept on disk: ');
    expect(stdout).toContain(`try:\n  redis-cli -p ${server.port} HSET user:u1 sports 1`);
    expect(stdout).not.toContain('secret');
    await client.closed();
  });

  it('says where it serves HTTP', async () => {
    const httpPort = `${await freePort()}`;
    const server = await startCli('--http-port', httpPort, '--password', 'secret');
    const url = `http://127.0.0.1:${httpPort}`;
    expect((await fetch(`${url}/v1/tags`)).status).toBe(401);
    const headers = { authorization: 'Bearer secret' };
    expect((await fetch(`${url}/docs`, { headers })).status).toBe(200);
    const line = `port 127.0.0.1:${httpPort} is in use: stop the other server or choose another with --http-port (0: no HTTP)`;
    expectLine(await runCli(['serve', '--resp-port', '0', '--http-port', httpPort]), FAILED, line);
    const { code, stdout, stderr } = await server.stop();
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`\nHTTP on ${url}, its documentation on ${url}/docs\n`);
    expect(stdout).toContain(`\n  curl -u :PASSWORD ${url}/v1/users/u1/tags\n`);
    expect(stdout).not.toContain('secret');
  });

  it('says in one line that its port is in use, and leaves the other one alone', async () => {
    const server = await startCli();
    const line = `port 127.0.0.1:${server.port} is in use: stop the other server or choose another with --resp-port`;
    expectLine(await runCli(['serve', '--resp-port', `${server.port}`]), FAILED, line);
    expectLine(await runCli(['serve', '--sample'], { SEGMENTD_RESP_PORT: `${server.port}` }), FAILED, line);
    const client = await RespClient.open(server.port);
    expect(await client.call('PING')).toBe('PONG');
    await client.close();
    expect((await server.stop()).code).toBe(0);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends well by %s, whatever its clients do', async (signal) => {
    const server = await startCli();
    const client = await RespClient.open(server.port);
    const members = Array.from({ length: 100_000 }, (_, i) => `${i}-${'x'.repeat(100)}`);
    await client.replies(1, ['SADD', 'tag:big', ...members]);
    // One in the middle of a command, one in the middle of a reply, one in a transaction.
    const [half, slow] = [await SlowClient.open(server.port), await SlowClient.open(server.port)];
    half.socket.write('*2\r\n$4\r\nECHO\r\n');
    slow.send(['SMEMBERS', 'tag:big']);
    await client.call('MULTI');
    server.process.kill(signal);
    expect(await server.ended).toMatchObject({ code: 0, stderr: '' });
    await client.closed();
    half.destroy();
    slow.destroy();
  });

  it('ends well by SHUTDOWN, after the replies before it', async () => {
    const server = await startCli();
    const client = await RespClient.open(server.port);
    const [pong] = await client.replies(1, ['PING'], ['SHUTDOWN', 'NOSAVE']);
    expect(pong!.text).toBe('PONG');
    expect(await client.closed()).toBe('');
    expect(await server.ended).toMatchObject({ code: 0, stderr: '' });
  });
});
