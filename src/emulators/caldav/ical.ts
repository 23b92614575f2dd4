/** A content line. Parameter values are without quotes. Source: RFC 5545 §3.1. */
export interface IcalProperty {
  name: string;
  parameters: Record<string, string>;
  value: string;
}

export interface IcalComponent {
  name: string;
  properties: IcalProperty[];
  components: IcalComponent[];
}

const line =
  /^([A-Za-z0-9-]+)((?:;[A-Za-z0-9-]+=(?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)*):(.*)$/s;

/** The one VCALENDAR of a text, or undefined when it is not well formed. */
export function readIcal(text: string): IcalComponent | undefined {
  const root: IcalComponent = { name: '', properties: [], components: [] };
  const open = [root];
  for (const whole of text.replaceAll(/\r?\n[ \t]/g, '').split(/\r?\n/)) {
    if (whole === '') continue;
    const match = line.exec(whole);
    if (match === null) return undefined;
    const [, given, parameters, value] = match as unknown as [string, string, string, string];
    const name = given.toUpperCase();
    if (name === 'BEGIN') {
      const component = { name: value.toUpperCase(), properties: [], components: [] };
      open.at(-1)!.components.push(component);
      open.push(component);
    } else if (name === 'END') {
      if (open.length === 1 || open.pop()!.name !== value.toUpperCase()) return undefined;
    } else {
      if (open.length === 1) return undefined;
      open.at(-1)!.properties.push({ name, parameters: readParameters(parameters), value });
    }
  }
  const calendar = root.components[0];
  const single = root.components.length === 1 && open.length === 1;
  return single && calendar?.name === 'VCALENDAR' ? calendar : undefined;
}

function readParameters(text: string): Record<string, string> {
  const found = text.matchAll(/;([A-Za-z0-9-]+)=((?:"[^"]*"|[^";:])*)/g);
  return Object.fromEntries(
    [...found].map(([, name, value]) => [name!.toUpperCase(), value!.replaceAll('"', '')]),
  );
}

export function propertyOf(component: IcalComponent, name: string): IcalProperty | undefined {
  return component.properties.find((property) => property.name === name);
}

/** The components that a calendar object resource is about, time zones left out. */
export function mainComponents(calendar: IcalComponent): IcalComponent[] {
  return calendar.components.filter(({ name }) => name !== 'VTIMEZONE');
}
