import fs from 'node:fs';
import path from 'node:path';

/** An append-only file of JSON lines. What `append` has returned from survives `kill -9` of this process. */
interface Log {
  append(line: string): void;
  /** Replaces all lines at once; a reader finds the old file or the new one, never a mixture. */
  rewrite(lines: Iterable<string>): void;
  close(): void;
}

const silent: Log = { append: () => undefined, rewrite: () => undefined, close: () => undefined };

/** Opens the log of one name and gives its lines. Without a state directory nothing is kept. */
export function openLog(stateDir: string | undefined, name: string): { lines: string[]; log: Log } {
  if (stateDir === undefined) return { lines: [], log: silent };
  fs.mkdirSync(stateDir, { recursive: true });
  const file = path.join(stateDir, `${name}.jsonl`);
  const lines = readWholeLines(file);
  let descriptor = fs.openSync(file, 'a');
  let closed = false;
  return {
    lines,
    log: {
      append(line) {
        // After closing nothing can be answered any more, and the descriptor may be another file's.
        if (!closed) fs.appendFileSync(descriptor, `${line}\n`);
      },
      rewrite(replacement) {
        if (closed) return;
        fs.closeSync(descriptor);
        writeBeside(file, replacement);
        descriptor = fs.openSync(file, 'a');
      },
      close() {
        if (!closed) fs.closeSync(descriptor);
        closed = true;
      },
    },
  };
}

/** A line that a killed process left half written was never acknowledged: it is cut off the file. */
function readWholeLines(file: string): string[] {
  if (!fs.existsSync(file)) return [];
  const bytes = fs.readFileSync(file);
  const lines: string[] = [];
  let start = 0;
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
    lines.push(bytes.toString('utf8', start, end));
    start = end + 1;
  }
  if (start < bytes.length) fs.truncateSync(file, start);
  return lines;
}

function writeBeside(file: string, lines: Iterable<string>): void {
  const beside = `${file}.new`;
  const descriptor = fs.openSync(beside, 'w');
  for (const line of lines) fs.appendFileSync(descriptor, `${line}\n`);
  fs.closeSync(descriptor);
  fs.renameSync(beside, file);
}
