/** The part of autocannon's interface that is used here; it has no types of its own. */
declare module 'autocannon' {
  export interface Request {
    readonly method?: 'GET' | 'POST';
    readonly path: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string | Buffer;
  }

  export interface Options {
    readonly url: string;
    readonly connections: number;
    /** Seconds. */
    readonly duration: number;
    /** Each connection sends them one after the other, again and again. */
    readonly requests: readonly Request[];
  }

  export interface Result {
    /** Seconds that it took. */
    readonly duration: number;
    readonly '2xx': number;
    readonly non2xx: number;
    readonly errors: number;
    readonly timeouts: number;
    /** Milliseconds. */
    readonly latency: { readonly p50: number; readonly p99: number; readonly max: number };
    /** Bytes a second, heads included. */
    readonly throughput: { readonly average: number };
  }

  export default function autocannon(options: Options): Promise<Result>;
}
