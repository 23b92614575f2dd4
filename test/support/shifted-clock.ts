/**
 * Loaded before a process of ours (`node --import`): its clock is off by `CLOCK_OFF_MS`, such as
 * `worker=300000,server=-300000`, each by the script's name. Time that is measured goes on as it is.
 */
const told = new Map(
  (process.env['CLOCK_OFF_MS'] ?? '').split(',').map((one) => one.split('=') as [string, string]),
);
const script = /(\w+)\.ts$/.exec(process.argv[1] ?? '')?.[1] ?? '';
const offMs = Number(told.get(script) ?? 0);
const RealDate = Date;
const now = (): number => RealDate.now() + offMs;

globalThis.Date = new Proxy(RealDate, {
  construct: (_, args, newTarget) =>
    Reflect.construct(RealDate, args.length === 0 ? [now()] : args, newTarget) as Date,
  apply: () => new RealDate(now()).toString(),
  get: (target, name) => (name === 'now' ? now : (Reflect.get(target, name) as unknown)),
});

// So that a test can tell that it is.
if (offMs !== 0) process.stderr.write(`{"clockOffMs":${offMs}}\n`);

export {};
