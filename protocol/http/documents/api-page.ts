/** The page of the API: complete in itself, without scripts, readable on any screen and on paper. */
import { createHash } from 'node:crypto';
import { PACKAGE_VERSION } from '../../version.js';
import { Html, html, join, prose, withCode } from './html.js';
import { ABOUT_ERRORS, INTRODUCTION } from './introduction.js';
import { PAGE_STYLE } from './page-style.js';
import type {
  ContentText,
  EndpointText,
  ExampleText,
  ParameterText,
  Reference,
  ShapeText,
  StatusErrors,
} from './reference.js';
import type { PropertyText } from './schema-text.js';

const STYLE_HASH = createHash('sha256').update(PAGE_STYLE).digest('base64');
const NOTHING = html``;
const IN_PLACE = { path: 'in the path', query: 'behind the ?', header: 'header' } as const;

/** The header `content-security-policy` of the page: nothing but its own style, which is known by its hash. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** The page, as HTML. */
export function apiPage(reference: Reference): string {
  const { groups, shapes, errors, errorsOfAny, errorsOfBodies } = reference;
  const names = new Set(shapes.map(({ name }) => name));
  const sections = [
    section('bodies', 'What is sent', lines(INTRODUCTION.map((text) => html`<p>${withCode(text)}</p>`))),
    ...groups.map(({ id, title, endpoints }) =>
      section(id, title, lines(endpoints.map((endpoint) => endpointArticle(endpoint, names)))),
    ),
    section('shapes', 'Shapes', lines(shapes.map((shape) => shapeArticle(shape, names)))),
    section(
      'errors',
      'Errors',
      html`<p>${withCode(ABOUT_ERRORS)}</p>
${errorsTable(errors)}
<p>Any request: ${errorsLine(errorsOfAny)}.</p>
<p>Any request with a body, besides: ${errorsLine(errorsOfBodies)}.</p>`,
    ),
  ];
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>segmentd: HTTP API</title>
<link rel="icon" href="data:,">
<style>${new Html(PAGE_STYLE)}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header>
<h1>segmentd <small>${PACKAGE_VERSION}</small></h1>
<p>Which tags has this user, which users have these tags. The examples work with the sample, as
<code>segmentd serve --sample</code> serves it. For programs: <a href="/openapi.json">openapi.json</a>.</p>
</header>
${contents(groups)}
<main id="content">
${lines(sections)}
</main>
</body>
</html>
`.text;
}

function contents(groups: Reference['groups']): Html {
  const entries = groups.map(({ id, title, endpoints }) => {
    const links = endpoints.map((one) => html`<li><a href="#${one.id}">${one.id}</a></li>`);
    return html`<li><a href="#${id}">${title}</a><ul>${join(links)}</ul></li>`;
  });
  return html`<nav aria-label="Contents">
<ul>
<li><a href="#bodies">What is sent</a></li>
${lines(entries)}
<li><a href="#shapes">Shapes</a></li>
<li><a href="#errors">Errors</a></li>
</ul>
</nav>`;
}

function section(id: string, title: string, content: Html): Html {
  return html`<section aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
${content}
</section>`;
}

function endpointArticle(endpoint: EndpointText, names: ReadonlySet<string>): Html {
  const { id, isInClient, method, path, summary, description, command } = endpoint;
  const others = command === undefined ? NOTHING : html`; over RESP <code>${command}</code>`;
  return html`<article aria-labelledby="${id}">
<h3 id="${id}"><code><span class="method">${method}</span> ${path}</code></h3>
<p>${withCode(summary)}</p>
${description === undefined ? NOTHING : html`${prose(description)}\n`}${
  isInClient ? html`<p class="soft">In the client <code>${id}</code>${others}</p>\n` : NOTHING
}${parametersPart(endpoint.parameters, names)}${contentPart('Body', endpoint.body, names)}${answerPart(endpoint, names)}${join(
  endpoint.examples.map(examplePart),
)}${
  endpoint.errors.length === 0
    ? NOTHING
    : html`<h4>Errors of its own</h4>\n<p>${errorsLine(endpoint.errors)}</p>\n`
}</article>`;
}

function parametersPart(parameters: readonly ParameterText[], names: ReadonlySet<string>): Html {
  if (parameters.length === 0) return NOTHING;
  const entries = parameters.map(({ name, place, type, description }) =>
    entry(name, typeCode(type, names), IN_PLACE[place], description),
  );
  return html`<h4>Parameters</h4>\n<dl>\n${lines(entries)}\n</dl>\n`;
}

function answerPart({ statuses, answer, answerHeaders }: EndpointText, names: ReadonlySet<string>): Html {
  const notes = [
    ...statuses.map(({ status, description }) => html`<li>${status}: ${withCode(description)}</li>`),
    ...answerHeaders.map(
      ([name, description]) => html`<li>header <code>${name}</code>: ${withCode(description)}</li>`,
    ),
  ];
  return html`${answer === undefined ? html`<h4>Answer</h4>\n` : contentPart('Answer', answer, names)}${
    notes.length === 0 ? NOTHING : html`<ul>${join(notes)}</ul>\n`
  }`;
}

function contentPart(title: string, content: ContentText | undefined, names: ReadonlySet<string>): Html {
  if (content === undefined) return NOTHING;
  const { mediaTypes, isValue, type, description, properties, isOptional } = content;
  const types = join(
    mediaTypes.map((one) => html`<code>${one}</code>`),
    ', ',
  );
  return html`<h4>${title}${isOptional ? ', may be left out' : ''}</h4>
${type === undefined ? NOTHING : html`<p>${typeCode(type, names)}</p>\n`}${
  description === '' ? NOTHING : html`${prose(description)}\n`
}${properties === undefined ? NOTHING : propertiesList(properties, names)}${
  mediaTypes.length === 0 ? NOTHING : html`<p>${isValue ? 'Or as ' : 'Types: '}${types}</p>\n`
}`;
}

function propertiesList(properties: readonly PropertyText[], names: ReadonlySet<string>): Html {
  const entries = properties.map(({ name, type, isRequired, description }) =>
    entry(name, typeCode(type, names), isRequired ? '' : 'optional', description),
  );
  return html`<dl>\n${lines(entries)}\n</dl>\n`;
}

function entry(name: string, type: Html, note: string, description: string): Html {
  const heading = html`<dt><code>${name}</code>${note === '' ? NOTHING : html` <span class="soft">${note}</span>`}</dt>`;
  return html`${heading}\n<dd>${type}${description === '' ? NOTHING : html`<br>${withCode(description)}`}</dd>`;
}

function examplePart({ title, command, answer }: ExampleText): Html {
  const given =
    answer === undefined ? NOTHING : html`<p class="soft">answers</p>\n<pre><code>${answer}</code></pre>\n`;
  return html`<h4>Example: ${withCode(title)}</h4>
<pre><code>${command}</code></pre>
${given}`;
}

function shapeArticle({ name, description, types, properties }: ShapeText, names: ReadonlySet<string>): Html {
  const others = new Set([...names].filter((other) => other !== name));
  const choices = types.map((type) => typeHtml(type, others));
  return html`<article aria-labelledby="shape-${name}">
<h3 id="shape-${name}"><code>${name}</code></h3>
<p>${withCode(description)}</p>
${
  properties === undefined
    ? html`<pre><code>${join(choices, '\n| ')}</code></pre>`
    : propertiesList(properties, names)
}</article>`;
}

function errorsLine(errors: readonly StatusErrors[]): Html {
  const parts = errors.map(
    ([status, codes]) => html`<a href="#status-${status}">${status}</a> ${codesOf(codes, ' ')}`,
  );
  return join(parts, ', ');
}

function errorsTable(errors: readonly StatusErrors[]): Html {
  const rows = errors.map(
    ([status, codes]) =>
      html`<tr><th scope="row" id="status-${status}">${status}</th><td>${codesOf(codes, '<br>')}</td></tr>`,
  );
  return html`<table>
<thead><tr><th scope="col">status</th><th scope="col">codes</th></tr></thead>
<tbody>
${lines(rows)}
</tbody></table>`;
}

function codesOf(codes: readonly string[], mark: string): Html {
  return join(
    codes.map((code) => html`<code>${code}</code>`),
    mark,
  );
}

function typeCode(type: string, names: ReadonlySet<string>): Html {
  return html`<code>${typeHtml(type, names)}</code>`;
}

/** A type in which names of shapes lead to them. */
function typeHtml(type: string, names: ReadonlySet<string>): Html {
  const words = type.split(/\b([A-Z]\w+)\b/);
  return join(
    words.map((word) => (names.has(word) ? html`<a href="#shape-${word}">${word}</a>` : html`${word}`)),
  );
}

function lines(pieces: readonly Html[]): Html {
  return join(pieces, '\n');
}
