/** What a session needs of its connection. */
export interface Connection {
  readonly remoteAddress: string;
  readonly localAddress: string;
  /** Sends bytes. False when they are still needed after the call, because the client does not read fast enough. */
  write(bytes: Uint8Array): boolean;
  /** Bytes that wait to be sent. */
  readonly pendingBytes: number;
  /** Stops and resumes taking input. */
  pause(): void;
  resume(): void;
  /** Sends what waits, then ends the connection. */
  end(): void;
  /** Ends it at once. */
  destroy(): void;
}
