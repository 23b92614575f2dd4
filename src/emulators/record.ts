import { openLog } from './log.ts';

/** One thing that was asked of an emulated host, or that it did. `status` 0 means: no answer was sent. */
interface RecordEntry {
  n: number;
  at: string;
  host: string;
  method?: string;
  path?: string;
  query?: Record<string, unknown>;
  requestHeaders?: Record<string, unknown>;
  requestBody?: unknown;
  status?: number;
  responseBody?: unknown;
  /** Id of the scripted fault that changed this call. */
  fault?: string;
  effect?: string;
  [detail: string]: unknown;
}

interface RecordQuery {
  since: number;
  limit: number;
  host?: string;
}

/** The append-only record of everything asked and done, in order. */
export interface ActivityRecord {
  append(entry: { host: string; [detail: string]: unknown }): number;
  /** Entries after `since` as a JSON array's text, and the number of the last entry there is. */
  read(query: RecordQuery): { entriesJson: string; last: number };
  clear(): void;
  close(): void;
}

/** Bodies above this are cut in the record, and say so. */
export const recordedBodyLimitBytes = 65_536;

type Kept = { host: string; line: string };

export function openRecord(stateDir: string | undefined): ActivityRecord {
  const { lines, log } = openLog(stateDir, 'record');
  // Kept as text: a record is written far more often than it is read.
  const kept: Kept[] = lines.map((line) => ({
    host: (JSON.parse(line) as RecordEntry).host,
    line,
  }));
  return {
    append(entry) {
      const n = kept.length + 1;
      const line = JSON.stringify({ n, at: new Date().toISOString(), ...entry });
      kept.push({ host: entry.host, line });
      log.append(line);
      return n;
    },
    read: (query) => ({ entriesJson: `[${select(kept, query).join(',')}]`, last: kept.length }),
    clear() {
      kept.length = 0;
      log.rewrite([]);
    },
    close: () => log.close(),
  };
}

function select(kept: Kept[], { since, limit, host }: RecordQuery): string[] {
  const lines: string[] = [];
  for (let index = since; index < kept.length && lines.length < limit; index += 1) {
    const entry = kept[index]!;
    if (host === undefined || entry.host === host) lines.push(entry.line);
  }
  return lines;
}

/** A body as the record shows it: JSON as a value, other text as text, long ones cut. */
export function recordedBody(body: Buffer, totalBytes: number = body.length): unknown {
  if (totalBytes === 0) return undefined;
  if (totalBytes > recordedBodyLimitBytes) {
    const kept = body.subarray(0, recordedBodyLimitBytes);
    return { cut: true, totalBytes, text: masked(kept.toString('utf8')) };
  }
  const text = masked(body.toString('utf8'));
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

const secretMember =
  /("(?:access_token|refresh_token|client_secret|code_verifier)"\s*:\s*")[^"]*?([^"]{0,4})"/g;
const secretField =
  /((?:^|&)(?:access_token|refresh_token|client_secret|code_verifier|token)=)[^&]*?([^&]{0,4})(?=&|$)/g;

const cardField =
  /((?:^|&)(?:\w|%5B|%5D|[[\]])*(?:number|cvc)(?:%5D|\])=)[^&]*?((?<=\d{8})\d{4})?(?=&|$)/g;

/** Grants, client secrets and card numbers keep their last four characters, enough to tell two apart. */
function masked(text: string): string {
  return text
    .replace(secretMember, '$1…$2"')
    .replace(secretField, '$1…$2')
    .replace(cardField, '$1…$2');
}

/** Request headers as the record shows them: credentials reduced to scheme and last four characters. */
export function recordedHeaders(headers: Record<string, unknown>): Record<string, unknown> {
  const { authorization } = headers;
  if (typeof authorization !== 'string') return headers;
  const scheme = authorization.split(' ', 1)[0];
  return { ...headers, authorization: `${scheme} …${authorization.slice(-4)}` };
}
