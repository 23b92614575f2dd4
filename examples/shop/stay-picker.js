/** Two days of a calendar: the first press is the arrival, the second the departure. */
const DAY_MS = 86_400_000;
const MONTHS_SHOWN = 3;

export const nightsBetween = (arrivalDay, departureDay) =>
  (Date.parse(departureDay) - Date.parse(arrivalDay)) / DAY_MS;

/**
 * `nights` as `GET /v1/resources/{id}/availability` lists them. `onPick(arrivalDay, departureDay)`
 * is told of each choice, with nulls for what is not chosen yet.
 */
export function stayPicker(place, nights, onPick) {
  const byDay = new Map(nights.map((one) => [one.day, one]));
  let arrivalDay = null;
  let departureDay = null;

  function press(day) {
    const isNew = arrivalDay === null || departureDay !== null || day <= arrivalDay;
    [arrivalDay, departureDay] = isNew ? [day, null] : [arrivalDay, day];
    // A day on which no stay may begin can end one: then it is not a new beginning.
    if (isNew && !byDay.get(day).arrival) arrivalDay = null;
    draw();
    onPick(arrivalDay, departureDay);
  }

  const choosesDeparture = () => arrivalDay !== null && departureDay === null;
  const canPress = (one) =>
    one.arrival || (choosesDeparture() && canEnd(byDay, arrivalDay, one.day));

  function button(one) {
    const made = document.createElement('button');
    made.type = 'button';
    made.dataset.day = one.day;
    made.textContent = String(Number(one.day.slice(8)));
    const isEnd = one.day === arrivalDay || one.day === departureDay;
    made.setAttribute('aria-pressed', String(isEnd));
    if (arrivalDay < one.day && one.day < (departureDay ?? arrivalDay)) made.className = 'within';
    made.disabled =
      choosesDeparture() && one.day > arrivalDay
        ? !canEnd(byDay, arrivalDay, one.day)
        : !canPress(one);
    made.addEventListener('click', () => press(one.day));
    return made;
  }

  function draw() {
    const months = new Map();
    for (const one of nights) {
      const month = one.day.slice(0, 7);
      if (!months.has(month) && months.size === MONTHS_SHOWN) break;
      months.set(month, [...(months.get(month) ?? []), one]);
    }
    const drawn = [...months].map(([month, days]) => monthOf(month, days.map(button)));
    const frame = document.createElement('div');
    frame.className = 'months';
    frame.append(...drawn);
    place.replaceChildren(frame);
  }
  draw();
}

/** Whether a stay from one day to the other is free and of a length that may be had. */
function canEnd(byDay, arrivalDay, day) {
  const { minNights, maxNights } = byDay.get(arrivalDay);
  const count = nightsBetween(arrivalDay, day);
  if (count < minNights || count > maxNights || !byDay.get(day).departure) return false;
  return [...byDay.values()].every((one) => one.day < arrivalDay || one.day >= day || one.free);
}

function monthOf(month, days) {
  const made = document.createElement('div');
  const title = document.createElement('h2');
  const first = new Date(`${month}-01T00:00:00Z`);
  title.textContent = first.toLocaleDateString('en', {
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  });
  const grid = document.createElement('div');
  grid.className = 'days';
  for (const name of ['Mo', 'Tu', 'We', 'Th', 'Fr', 'Sa', 'Su']) {
    const head = document.createElement('span');
    head.textContent = name;
    grid.append(head);
  }
  const weekday = (new Date(`${days[0].dataset.day}T00:00:00Z`).getUTCDay() + 6) % 7;
  days[0].style.gridColumnStart = String(weekday + 1);
  grid.append(...days);
  made.append(title, grid);
  return made;
}
