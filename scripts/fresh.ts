import { createInterface } from 'node:readline/promises';

/**
 * Whether everything in the folder may be removed.
 * @throws when nobody can be asked.
 */
export async function confirmFresh(folder: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY) {
    throw new Error('Starting over removes everything. Without a terminal, say --yes as well.');
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const question = `Remove all bookings, connections and runs kept in ${folder}? [y/N] `;
  const answer = await terminal.question(question);
  terminal.close();
  const confirmed = /^y(es)?$/i.test(answer.trim());
  if (!confirmed) console.log('Nothing was removed.');
  return confirmed;
}
