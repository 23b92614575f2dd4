import { runBare } from './bare.ts';
import { ratioLine, type Bench } from './bench.ts';
import { paidScene, type BookingScene } from './booking-scene.ts';
import { closedLoop, interleaved } from './measure.ts';
import { settle } from './stage.ts';

const CONCURRENCY = 16;
const ROUNDS = 5;
const ROUND_MS = 6_000;
const WARM_UP = 150;

/** From POST to captured, three calls to the emulated Stripe included. */
export const paidSaga: Bench = {
  name: 'paid-saga',
  async run(stage) {
    const scene = await paidScene(stage);
    const throughput = async (load: object, work: () => Promise<unknown>) =>
      (await closedLoop({ concurrency: CONCURRENCY, ...load }, work)).perSecond;
    const bare = () => runBare(stage);
    await throughput({ count: WARM_UP }, () => captured(scene));
    await throughput({ count: WARM_UP }, bare);
    await settle(stage);
    const { value, reference } = await interleaved(ROUNDS, {
      reference: () => throughput({ durationMs: ROUND_MS }, bare),
      product: () => throughput({ durationMs: ROUND_MS }, () => captured(scene)),
    });
    const measured = { name: 'paid-saga', unit: 'bookings/s at C=16', value, reference };
    return [ratioLine(measured, { atLeast: 1 })];
  },
};

async function captured(scene: BookingScene): Promise<void> {
  const { state, payment } = await scene.book({ waitS: 20 });
  if (state !== 'confirmed' || payment.status !== 'captured')
    throw new Error(`A paid booking ended ${state}, payment ${payment.status}.`);
}
