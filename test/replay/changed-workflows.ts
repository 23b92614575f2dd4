import { sleep } from '@temporalio/workflow';

/** What the workflows are not: the control under which no recorded history may replay. */
const somethingElse = async (): Promise<void> => {
  await sleep('1 hour');
};

export {
  somethingElse as booking,
  somethingElse as bookingChange,
  somethingElse as connection,
  somethingElse as bookingSettle,
};
