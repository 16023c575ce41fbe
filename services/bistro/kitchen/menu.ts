/** What the kitchen can cook: plain data, no I/O. */

export interface MenuDish {
  readonly name: string;
  readonly priceCents: number;
}

/** A menu as it is written on the board. */
export interface Board {
  readonly menu: string;
  /** Raised whenever the board changes, by hand. */
  readonly edition: number;
  readonly dishes: readonly MenuDish[];
}

export const lunch: Board = {
  menu: 'lunch',
  edition: 1,
  dishes: [
    { name: 'soup', priceCents: 650 },
    { name: 'pasta', priceCents: 1190 },
    { name: 'cake', priceCents: 480 },
  ],
};

export function isOnMenu({ dishes }: Board, dish: string): boolean {
  return dishes.some(({ name }) => name === dish);
}
