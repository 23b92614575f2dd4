import { fileURLToPath } from 'node:url';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';

/** The process of the bare workflow: a worker with the product's options, otherwise the SDK's own. */
const nothing = async (): Promise<void> => undefined;
const activities = { first: nothing, second: nothing, third: nothing };
export type NoOps = typeof activities;

async function main(): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const temporal = loadClientConnectConfig();
  const connection = await NativeConnection.connect({
    ...temporal.connectionOptions,
    grpcCompression: { codec: 'none' },
  });
  const worker = await Worker.create({
    connection,
    namespace: temporal.namespace ?? 'default',
    taskQueue: process.env['REFERENCE_QUEUE']!,
    workflowsPath: fileURLToPath(new URL('./reference-workflow.ts', import.meta.url)),
    activities,
  });
  process.stdout.write('{"ready":true}\n');
  await worker.run();
  await connection.close();
}

if (import.meta.main)
  main().then(
    () => process.exit(0),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
