import type { FailureRow } from './bench.ts';

const error = (precondition: string): string =>
  `<?xml version="1.0"?><d:error xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">${precondition}</d:error>`;

/** RFC 4918 §11 and §16, RFC 4791 §5.3.2.1, RFC 6585 §4. */
export const CALDAV_FAILURES: readonly FailureRow[] = [
  {
    name: 'a password that is refused',
    fault: { on: 'pull', status: 401, body: 'Text' },
    expected: { kind: 'unauthorized', code: 'http-401' },
  },
  {
    name: 'a right that was taken away',
    fault: { on: 'write', status: 403, body: error('<d:need-privileges/>') },
    expected: { kind: 'unauthorized', code: 'need-privileges' },
  },
  {
    name: 'a write that no right would allow',
    fault: { on: 'write', status: 403, body: error('<c:valid-calendar-data/>') },
    expected: { kind: 'invalid', code: 'valid-calendar-data' },
  },
  {
    name: 'a calendar that is not there',
    fault: { on: 'pull', status: 404, body: 'Text' },
    expected: { kind: 'not-found', code: 'http-404' },
  },
  {
    name: 'a method that this place does not know',
    fault: { on: 'write', status: 405, body: 'Text' },
    expected: { kind: 'invalid', code: 'http-405' },
  },
  {
    name: 'a conflict that nobody explains',
    fault: { on: 'remove', status: 409, body: 'Text' },
    expected: { kind: 'conflict', code: 'http-409' },
  },
  {
    name: 'a condition that does not hold',
    fault: { on: 'remove', status: 412, body: 'Text' },
    expected: { kind: 'conflict', code: 'conditionNotMet' },
  },
  {
    name: "somebody's lock",
    fault: { on: 'remove', status: 423, body: error('<d:lock-token-submitted/>') },
    expected: { kind: 'unavailable', code: 'lock-token-submitted' },
  },
  {
    name: 'a 429 that says how long to wait',
    fault: { on: 'pull', status: 429, body: 'Text', headers: { 'Retry-After': '7' } },
    expected: { kind: 'rate-limited', code: 'http-429', retryAfterMs: 7_000 },
  },
  {
    name: 'a 503 that says until when',
    fault: {
      on: 'pull',
      status: 503,
      body: '<html>',
      headers: {
        Date: 'Sat, 21 Nov 2026 10:00:00 GMT',
        'Retry-After': 'Sat, 21 Nov 2026 10:01:30 GMT',
      },
    },
    expected: { kind: 'unavailable', code: 'http-503', retryAfterMs: 90_000 },
  },
  {
    name: 'an entry that cannot be served just now',
    fault: { on: 'read', status: 500, body: 'Text' },
    expected: { kind: 'unavailable', code: 'http-500' },
  },
  {
    name: 'a page for people',
    fault: { on: 'pull', status: 200, body: '<html>Sign in</html>' },
    expected: { kind: 'invalid', code: 'not-caldav' },
  },
  {
    name: 'an answer with a document type',
    fault: {
      on: 'pull',
      status: 207,
      body: '<?xml version="1.0"?><!DOCTYPE m [<!ENTITY x "y">]><d:multistatus xmlns:d="DAV:"/>',
      headers: { 'Content-Type': 'application/xml' },
    },
    expected: { kind: 'invalid', code: 'xml-with-dtd' },
  },
];
