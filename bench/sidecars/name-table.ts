// Which names each of many streams asked for and got: one byte per name and stream, names stored once.

export interface NameMarks {
  /** True when the name was not asked for before. */
  ask(typeUrl: string, name: string): boolean;
  /** True when the name was asked for and had not come before. */
  fulfil(typeUrl: string, name: string): boolean;
}

export interface NameTable {
  createMarks(): NameMarks;
}

const asked = 1;
const came = 2;

export function createNameTable(): NameTable {
  const numbers = new Map<string, Map<string, number>>();
  let count = 0;

  function numberOf(typeUrl: string, name: string): number {
    const ofType = numbers.get(typeUrl) ?? new Map<string, number>();
    numbers.set(typeUrl, ofType);
    const number = ofType.get(name) ?? count++;
    ofType.set(name, number);
    return number;
  }

  return {
    createMarks() {
      let marks = new Uint8Array(256);
      const grow = (number: number): void => {
        if (number < marks.length) return;
        const next = new Uint8Array(Math.max(number + 1, marks.length * 2));
        next.set(marks);
        marks = next;
      };
      return {
        ask(typeUrl, name) {
          const number = numberOf(typeUrl, name);
          grow(number);
          if (marks[number] !== 0) return false;
          marks[number] = asked;
          return true;
        },
        fulfil(typeUrl, name) {
          const number = numberOf(typeUrl, name);
          grow(number);
          if (marks[number] !== asked) return false;
          marks[number] = came;
          return true;
        },
      };
    },
  };
}
