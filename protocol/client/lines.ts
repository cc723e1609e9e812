/** Streams of lines. */
import { SegmentdClientError } from './client-error.js';
import type { Answer } from './connection.js';

/** Longer than any line of a user can be: 1,000 tags of the longest names and values, each character escaped. */
const MAX_LINE = 16 * 1024 * 1024;

/**
 * The lines of an answer, as many at a time as come at once: no more is read than is asked for. When nobody asks for more, the
 * server is told so. Rejects with CONNECTION_FAILED for an answer that is cut.
 */
export async function* linesOf({ response, deadline }: Answer): AsyncGenerator<string[], void, undefined> {
  const reader = (response.body ?? new Blob([]).stream()).getReader();
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await deadline.wait(() => reader.read());
      const lines = (rest + decoded(decoder, value)).split('\n');
      rest = lines.pop()!;
      if (rest.length > MAX_LINE) throw new SegmentdClientError('BAD_ANSWER', 'a line does not end');
      if (lines.length > 0) yield lines;
      if (done) break;
    }
    if (rest !== '') throw new SegmentdClientError('BAD_ANSWER', 'the last line does not end');
  } finally {
    deadline.end();
    // Ends the connection if there is more to come; what goes wrong with that is nobody's business any more.
    await reader.cancel().catch(() => {});
  }
}

/** The text of a piece; without one, of what the last ones have left. */
function decoded(decoder: InstanceType<typeof TextDecoder>, piece: Uint8Array | undefined): string {
  try {
    return decoder.decode(piece, { stream: piece !== undefined });
  } catch (error) {
    throw new SegmentdClientError('BAD_ANSWER', 'the answer is no UTF-8', { cause: error });
  }
}
