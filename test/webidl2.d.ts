// What idl.test.ts needs of webidl2, which has no types of its own.
declare module "webidl2" {
  export interface IDLTypeDescription {
    readonly generic: string;
  }
  interface ExtendedAttribute {
    readonly name: string;
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
  }
  export type IDLRootType =
    | Container<"interface">
    | Container<"interface mixin">
    | { readonly type: "includes"; readonly target: string; readonly includes: string }
    | { readonly type: "dictionary" | "enum" | "typedef" | "callback" };
  export function parse(text: string): IDLRootType[];
}
