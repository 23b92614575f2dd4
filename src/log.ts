/** One JSON line per event on standard error; standard output is for whoever started the process. */
export type LogFields = Record<string, unknown>;
export type Log = (level: 'info' | 'warn' | 'error', message: string, fields?: LogFields) => void;

export const log: Log = (level, message, fields = {}) => {
  const line = { at: new Date().toISOString(), level, message, ...fields };
  process.stderr.write(`${JSON.stringify(line)}\n`);
};
