/** Which of those who speak HTTP does it: the option http-transport. */
import { SegmentdError } from '../../src/index.js';
import type { Transport } from './transport.js';

/** What the option may be. */
export type TransportName = 'auto' | 'uws' | 'node';

/** Loads a transport, for heads of so many bytes if that must be known by then. Throws when it is not to be had. */
type Load = (maxHeadBytes: number) => Promise<Transport>;

const loadUwsTransport: Load = async (maxHeadBytes) => {
  const { loadUws, uwsTransport } = await import('./uws-transport.js');
  return uwsTransport(await loadUws(maxHeadBytes));
};

/**
 * The transport of that name; `auto` is uWebSockets.js if it can be loaded, else Node's own server. Throws INVALID_OPTION
 * when uWebSockets.js is asked for and cannot be loaded.
 */
export async function chooseTransport(
  name: TransportName,
  maxHeadBytes: number,
  loadUws: Load = loadUwsTransport,
): Promise<{ readonly name: Exclude<TransportName, 'auto'>; readonly transport: Transport }> {
  if (name !== 'node') {
    try {
      return { name: 'uws', transport: await loadUws(maxHeadBytes) };
    } catch (cause) {
      if (name === 'uws') throw notLoaded(cause as Error);
    }
  }
  const { nodeTransport } = await import('./node-transport.js');
  return { name: 'node', transport: nodeTransport };
}

function notLoaded(cause: Error): SegmentdError {
  const [reason] = cause.message.split('\n');
  const install = 'npm install uNetworking/uWebSockets.js#v20.51.0';
  const advice = `install a version for this Node (${install}), or choose --http-transport node`;
  const message = `--http-transport is uws, but the package uWebSockets.js cannot be loaded: ${reason}; ${advice}`;
  return new SegmentdError('INVALID_OPTION', message, { cause });
}
