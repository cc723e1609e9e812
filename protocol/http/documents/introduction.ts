/** What holds for the whole API, in paragraphs; code is between backquotes. */

export const INTRODUCTION: readonly string[] = [
  'Bodies are JSON (`application/json`) or MessagePack (`application/msgpack`) with the same names, as `content-type` says. Answers are what `accept` likes best; without it, JSON.',
  'Users\' ids are bytes, 1 to 255 of them. In a path they are percent-encoded. In JSON an id is a string if it is UTF-8, else `{"base64": "…"}`; in MessagePack a string, or binary.',
  'Lists are `{"items": […], "cursor": "…"}`. The next page is what the same request gives with this `cursor`; behind the last page there is none.',
  'Parameters and properties that are not known are errors, so that a slip of the pen is told. Where there is GET there is HEAD, too; OPTIONS gives all methods of a path in `allow`.',
  'A server with a password wants it with every request: `authorization: Bearer …`, or Basic with any user name. Each answer has the header `x-request-id`, under which the log has more: the one that was sent, or a new one.',
];

/** Stands before all errors. */
export const ABOUT_ERRORS =
  'Errors are `application/problem+json`, shape `Problem`, whatever `accept` says. The `code` stays the same from version to version; `detail` is for people. Answers of status 429 and 503 have `retry-after`, in seconds.';
