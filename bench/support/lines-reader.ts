/** A thread that reads the answer to one HTTP request as fast as it can, and tells how many bytes came in which time. */
import { connect } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

const { port, request } = workerData as { port: number; request: string };
/** Behind the last chunk of an answer. */
const END = '0\r\n\r\n';

let bytes = 0;
let tail = '';
const begin = process.hrtime.bigint();
const socket = connect({
  port,
  host: '127.0.0.1',
  // One buffer for all that is read: a reader that takes memory for each piece measures itself.
  onread: {
    buffer: Buffer.allocUnsafeSlow(1024 * 1024),
    callback(count, buffer) {
      bytes += count;
      tail = (
        tail + Buffer.from(buffer.buffer, buffer.byteOffset, count).toString('latin1', Math.max(0, count - 5))
      ).slice(-5);
      if (tail === END) {
        parentPort?.postMessage({ bytes, seconds: Number(process.hrtime.bigint() - begin) / 1e9 });
        socket.destroy();
      }
      return true;
    },
  },
});
socket.write(request);
