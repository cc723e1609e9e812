/** HTML in which nothing is markup that was not written as such. */

/** Text that is HTML. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Makes HTML of a template; what is put into it is escaped unless it is HTML itself. */
export function html(strings: TemplateStringsArray, ...values: readonly (string | number | Html)[]): Html {
  const parts = strings.map((text, i) => (i === 0 ? '' : toHtml(values[i - 1]!)) + text);
  return new Html(parts.join(''));
}

/** Pieces one behind the other. */
export function join(pieces: readonly Html[], mark = ''): Html {
  return new Html(pieces.map(({ text }) => text).join(mark));
}

/** Text in which code stands between backquotes. */
export function withCode(text: string): Html {
  return join(text.split('`').map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : html`${part}`)));
}

/** Paragraphs, and lists of lines that begin with "- "; code stands between backquotes. */
export function prose(text: string): Html {
  const blocks = text.split('\n\n').map((block) => {
    if (!block.startsWith('- ')) return html`<p>${withCode(block)}</p>`;
    const items = block.slice(2).split('\n- ');
    return html`<ul>\n${join(items.map((item) => html`<li>${withCode(item)}</li>\n`))}</ul>`;
  });
  return join(blocks, '\n');
}

function toHtml(value: string | number | Html): string {
  if (value instanceof Html) return value.text;
  return String(value).replace(/[&<>"']/g, (char) => ESCAPES[char]!);
}
