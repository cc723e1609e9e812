import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { RespClient } from '../../loaders/resp-client.js';
import { respTarget } from '../../loaders/resp-target.js';

/** Answers one command with the bytes of a reply; undefined closes the connection. */
type Answer = (command: string[]) => string | undefined;

let server: Server | undefined;
const sockets = new Set<Socket>();

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server?.close();
});

/** Starts a server that understands arrays of bulk strings without line ends in them. */
async function serve(answer: Answer, pieceBytes = 1000): Promise<{ port: number; commands: string[][] }> {
  const commands: string[][] = [];
  server = createServer((socket) => {
    sockets.add(socket);
    let lines: string[] = [];
    socket.on('data', (chunk) => {
      lines = (lines.join('\r\n') + chunk).split('\r\n');
      while (lines[0]?.startsWith('*')) {
        const count = Number(lines[0].slice(1));
        if (lines.length <= 2 * count + 1) return;
        const command = lines.splice(0, 2 * count + 1).filter((_, index) => index > 0 && index % 2 === 0);
        commands.push(command);
        const reply = answer(command);
        if (reply === undefined) {
          socket.destroy();
          return;
        }
        for (let at = 0; at < reply.length; at += pieceBytes) socket.write(reply.slice(at, at + pieceBytes));
      }
    });
  });
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, commands };
}

const local = { host: '127.0.0.1', userPrefix: 'user:' };

describe('the client', () => {
  test.each([1, 3, 1000])('reads every kind of reply in pieces of %i bytes', async (pieceBytes) => {
    const replies = [
      '+OK\r\n',
      '-ERR no\r\n',
      ':-7\r\n',
      '$-1\r\n',
      '$4\r\na\r\nb\r\n',
      '*2\r\n:1\r\n*1\r\n$0\r\n\r\n',
    ];
    const { port } = await serve(([index]) => replies[Number(index)], pieceBytes);
    const client = await RespClient.connect('127.0.0.1', port);
    expect(await client.pipeline(replies.map((_, index) => [String(index)]))).toEqual([
      'OK',
      { error: 'ERR no' },
      -7,
      null,
      'a\r\nb',
      [1, ['']],
    ]);
    client.close();
  });

  test('says in one line that nobody answers', async () => {
    const { port } = await serve(() => '+OK\r\n');
    await new Promise((resolve) => server!.close(resolve));
    await expect(RespClient.connect('127.0.0.1', port)).rejects.toThrow(
      `no server answers at 127.0.0.1:${port}; start one with "segmentd serve", or name it with --host and --resp-port`,
    );
  });

  test('says when the server closes the connection', async () => {
    const { port } = await serve(() => undefined);
    const client = await RespClient.connect('127.0.0.1', port);
    await expect(client.call('PING')).rejects.toThrow(`127.0.0.1:${port} closed the connection`);
    await expect(client.call('PING')).rejects.toMatchObject({ code: 'LOAD_FAILED' });
  });

  test('says when the server speaks another protocol', async () => {
    const { port } = await serve(() => 'HTTP/1.1 400 Bad Request\r\n\r\n');
    const client = await RespClient.connect('127.0.0.1', port);
    await expect(client.call('PING')).rejects.toThrow(/not in the Redis protocol/);
  });
});

describe('the target', () => {
  test('declares tags and writes users, and turns errors into refusals', async () => {
    const { port, commands } = await serve(([name, key]) => {
      if (name === 'TAG.INFO' && key === 'new') return '-ERR no such tag\r\n';
      return key === 'user:bad' ? '-ERR the value is refused\r\n' : '+OK\r\n';
    });
    const target = await respTarget({ ...local, port, password: 'secret' });
    expect(await target.hasTag('old')).toBe(true);
    expect(await target.hasTag('new')).toBe(false);
    await target.declareTag('price', { kind: 'number', scale: 2, description: 'in euros' });
    await target.declareTag('vip', { kind: 'flag' });
    const answers = await target.writeUsers([
      { id: 'a', tags: { vip: true, price: '0.0000001', city: 'Århus' } },
      { id: 'bad', tags: { price: '-12.5' } },
      { id: 'b', tags: { price: '0' } },
    ]);
    expect(answers).toEqual([undefined, 'the value is refused', undefined]);
    expect(commands).toEqual([
      ['AUTH', 'secret'],
      ['TAG.INFO', 'old'],
      ['TAG.INFO', 'new'],
      ['TAG.DECLARE', 'price', 'number', 'SCALE', '2', 'DESCRIPTION', 'in euros'],
      ['TAG.DECLARE', 'vip', 'flag'],
      ['HSET', 'user:a', 'vip', '1', 'price', '0.0000001', 'city', 'Århus'],
      ['HSET', 'user:bad', 'price', '-12.5'],
      ['HSET', 'user:b', 'price', '0'],
    ]);
    expect(await target.writeUsers([])).toEqual([]);
    await target.close();
  });

  test('throws what the server says of a declaration', async () => {
    const { port } = await serve(([name]) =>
      name === 'PING' ? '+PONG\r\n' : '-ERR a tag name has no "="\r\n',
    );
    const target = await respTarget({ ...local, port });
    await expect(target.declareTag('a=b', { kind: 'flag' })).rejects.toThrow('a tag name has no "="');
    await target.close();
  });

  test('asks for the password that the server wants', async () => {
    const { port } = await serve(() => '-NOAUTH Authentication required.\r\n');
    await expect(respTarget({ ...local, port })).rejects.toThrow(
      `127.0.0.1:${port}: NOAUTH Authentication required.; give it with --password`,
    );
  });
});
