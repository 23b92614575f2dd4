/** `npm run dev`: a change of the source starts again what it concerns. */
import { watch } from 'node:fs';
import { join } from 'node:path';
import type { Supervisor } from './supervisor.ts';

/** Editors write a file in several steps, and a checkout writes many. */
const SETTLE_MS = 200;

export function restartOnChange(root: string, supervisor: Supervisor, say: (line: string) => void) {
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  const settle = () => {
    const names = new Set([...changed].flatMap(concerned));
    say(`Changed: ${[...changed].join(', ')}`);
    changed.clear();
    for (const name of names) {
      supervisor.restart(name).catch((error: unknown) => say((error as Error).message));
    }
  };
  for (const folder of ['src', 'temporal']) {
    watch(join(root, folder), { recursive: true }, (_event, file) => {
      if (!file?.endsWith('.ts') || file.includes('generated')) return;
      changed.add(join(folder, file));
      clearTimeout(timer);
      timer = setTimeout(settle, SETTLE_MS);
    });
  }
}

function concerned(file: string): string[] {
  return file.startsWith(join('src', 'emulators')) ? ['emulators'] : ['worker', 'api'];
}
