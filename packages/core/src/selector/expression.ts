import type { ArithmeticOperator, SelectorNumber } from './numbers.ts';

export type CompareOperator = '=' | '<>' | '<' | '<=' | '>' | '>=';

/** What an expression gives: its type, as far as the text says it. `open`: a name's, which only the message tells. */
export type ExpressionType = 'open' | 'string' | 'number' | 'truth';

interface Placed {
  /** Where it begins in the text, UTF-16 units. */
  readonly at: number;
  readonly type: ExpressionType;
  /** How many expressions stand in one another here: bounded, since evaluation takes stack for each. */
  readonly depth: number;
}

export type Literal = Placed & { readonly kind: 'literal'; readonly value: string | boolean | SelectorNumber };
export type Name = Placed & { readonly kind: 'name'; readonly name: string };

/** A selector as it was read. Chains of AND and OR are one expression each. */
export type Expression =
  | Literal
  | Name
  | (Placed & { readonly kind: 'sign'; readonly negative: boolean; readonly operand: Expression })
  | (Placed & {
      readonly kind: 'arithmetic';
      readonly operator: ArithmeticOperator;
      readonly left: Expression;
      readonly right: Expression;
    })
  | (Placed & { readonly kind: 'concatenation'; readonly left: Expression; readonly right: Expression })
  | (Placed & {
      readonly kind: 'comparison';
      readonly operator: CompareOperator;
      readonly left: Expression;
      readonly right: Expression;
    })
  | (Placed & {
      readonly kind: 'between';
      readonly negative: boolean;
      readonly operand: Expression;
      readonly low: Expression;
      readonly high: Expression;
    })
  | (Placed & {
      readonly kind: 'in';
      readonly negative: boolean;
      readonly operand: Expression;
      readonly items: readonly (string | SelectorNumber)[];
    })
  | (Placed & {
      readonly kind: 'like';
      readonly negative: boolean;
      readonly operand: Expression;
      readonly pattern: string;
      readonly escape: string | null;
    })
  | (Placed & { readonly kind: 'isNull'; readonly negative: boolean; readonly operand: Expression })
  | (Placed & { readonly kind: 'not'; readonly operand: Expression })
  | (Placed & { readonly kind: 'and' | 'or'; readonly operands: readonly Expression[] });
