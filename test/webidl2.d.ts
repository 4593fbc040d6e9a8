// What the tests need of webidl2, which has no types of its own.
declare module "webidl2" {
  export interface IDLTypeDescription {
    /** "sequence", "record", "Promise" …; empty for a plain type. */
    readonly generic: string;
    readonly nullable: boolean;
    /** The name of a plain type. */
    readonly idlType: string | readonly IDLTypeDescription[];
  }
  interface ExtendedAttribute {
    readonly name: string;
    readonly rhs: { readonly value: string | readonly { readonly value: string }[] } | null;
  }
  interface Argument {
    readonly optional: boolean;
    readonly variadic: boolean;
  }
  export type IDLInterfaceMemberType =
    | { readonly type: "constructor"; readonly arguments: readonly Argument[] }
    | {
        readonly type: "attribute";
        readonly name: string;
        readonly special: string;
        readonly readonly: boolean;
        readonly idlType: IDLTypeDescription;
        readonly extAttrs: readonly ExtendedAttribute[];
      }
    | {
        readonly type: "operation";
        readonly name: string | null;
        readonly special: string;
        readonly idlType: IDLTypeDescription | null;
        readonly arguments: readonly Argument[];
      }
    | { readonly type: "maplike"; readonly readonly: boolean }
    | { readonly type: "const"; readonly name: string };
  interface Container<T extends string> {
    readonly type: T;
    readonly name: string;
    readonly partial: boolean;
    readonly inheritance: string | null;
    readonly members: readonly IDLInterfaceMemberType[];
    readonly extAttrs: readonly ExtendedAttribute[];
  }
  export type IDLRootType =
    | Container<"interface">
    | Container<"interface mixin">
    | { readonly type: "includes"; readonly target: string; readonly includes: string }
    | {
        readonly type: "dictionary";
        readonly name: string;
        readonly inheritance: string | null;
        readonly members: readonly {
          readonly name: string;
          readonly required: boolean;
          readonly idlType: IDLTypeDescription;
        }[];
      }
    | { readonly type: "enum"; readonly name: string; readonly values: readonly { readonly value: string }[] }
    | { readonly type: "typedef" | "callback" };
  export function parse(text: string): IDLRootType[];
}
