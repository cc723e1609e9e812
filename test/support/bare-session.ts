import { setImmediate as nextTurn } from 'node:timers/promises';
import { allCommands } from '../../protocol/registry.js';
import { Session } from '../../protocol/resp/session.js';
import { ServerState } from '../../protocol/server-state.js';
import { type Engine, openEngine } from '../../src/index.js';
import { resolveServerOptions, type ServerOptions } from '../../src/options.js';
import { encodeCommand } from './resp.js';

/** A server's state and one client's session, without sockets. */
export interface BareSession {
  readonly engine: Engine;
  readonly state: ServerState;
  /** Executes a command and gives the reply as it is. */
  send(...words: string[]): Promise<string>;
  /** Ends the state and the engine. */
  close(): void;
}

/** Opens a session on a state of its own. */
export function openBareSession(
  options: Partial<ServerOptions> = {},
  engine: Engine = openEngine(),
): BareSession {
  const state = new ServerState(engine, resolveServerOptions(options), allCommands, () => {});
  let output = '';
  let isPaused = false;
  const session = new Session(state, {
    remoteAddress: '192.0.2.1:5000',
    localAddress: '192.0.2.2:7379',
    pendingBytes: 0,
    write(bytes) {
      output += Buffer.from(bytes).toString('latin1');
      return true;
    },
    pause() {
      isPaused = true;
    },
    resume() {
      isPaused = false;
    },
    end() {},
    destroy() {},
  });
  return {
    engine,
    state,
    async send(...words) {
      output = '';
      session.receive(encodeCommand(words.map((word) => Buffer.from(word))));
      // A session whose turn was long goes on in the next one.
      while (isPaused) await nextTurn();
      state.outbox.flush();
      return output;
    },
    close() {
      session.closed();
      state.close();
      engine.close();
    },
  };
}
