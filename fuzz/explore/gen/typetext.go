package gen

import (
	"fmt"
	"go/token"
	"go/types"
	"strings"
)

// typ writes a type, in explored form, that the source doesn't spell out. What can't be
// written there is unsupported.
func (r *rewriter) typ(pos token.Pos, t types.Type) string {
	switch t := t.(type) {
	case *types.Basic:
		if t.Kind() == types.UnsafePointer {
			return r.imported("unsafe") + ".Pointer"
		}
		return t.Name()
	case *types.Alias:
		return r.name(pos, t.Obj(), t.TypeArgs())
	case *types.Named:
		return r.name(pos, t.Obj(), t.TypeArgs())
	case *types.TypeParam:
		return t.Obj().Name()
	case *types.Pointer:
		return "*" + r.typ(pos, t.Elem())
	case *types.Slice:
		return "[]" + r.typ(pos, t.Elem())
	case *types.Array:
		return fmt.Sprintf("[%d]%s", t.Len(), r.typ(pos, t.Elem()))
	case *types.Map:
		return "map[" + r.typ(pos, t.Key()) + "]" + r.typ(pos, t.Elem())
	case *types.Chan:
		r.channel = true
		return "*" + channelName + ".Chan[" + r.typ(pos, t.Elem()) + "]"
	case *types.Signature:
		return "func" + r.signature(pos, t)
	case *types.Struct:
		var b strings.Builder
		b.WriteString("struct{ ")
		for i := range t.NumFields() {
			f := t.Field(i)
			if !f.Exported() && f.Pkg() != r.p.Types {
				r.unsupported(pos, "a value of type "+t.String()+", which can't be written here,")
			}
			if !f.Embedded() {
				b.WriteString(f.Name() + " ")
			}
			b.WriteString(r.typ(pos, f.Type()))
			if tag := t.Tag(i); tag != "" {
				fmt.Fprintf(&b, " %q", tag)
			}
			b.WriteString("; ")
		}
		return b.String() + "}"
	case *types.Interface:
		if t.NumEmbeddeds() == 0 && t.NumExplicitMethods() == 0 {
			return "interface{}"
		}
		var b strings.Builder
		b.WriteString("interface{ ")
		for i := range t.NumEmbeddeds() {
			b.WriteString(r.typ(pos, t.EmbeddedType(i)) + "; ")
		}
		for i := range t.NumExplicitMethods() {
			m := t.ExplicitMethod(i)
			if !m.Exported() && m.Pkg() != r.p.Types {
				r.unsupported(pos, "a value of type "+t.String()+", which can't be written here,")
			}
			b.WriteString(m.Name() + r.signature(pos, m.Signature()) + "; ")
		}
		return b.String() + "}"
	}
	r.unsupported(pos, "a value of type "+t.String()+", which can't be written here,")
	return "any"
}

func (r *rewriter) signature(pos token.Pos, s *types.Signature) string {
	list := func(t *types.Tuple, variadic bool) string {
		var texts []string
		for i := range t.Len() {
			p := t.At(i).Type()
			if variadic && i == t.Len()-1 {
				if sl, ok := p.(*types.Slice); ok {
					texts = append(texts, "..."+r.typ(pos, sl.Elem()))
					continue
				}
			}
			texts = append(texts, r.typ(pos, p))
		}
		return "(" + strings.Join(texts, ", ") + ")"
	}
	text := list(s.Params(), s.Variadic())
	if s.Results().Len() > 0 {
		text += " " + list(s.Results(), false)
	}
	return text
}

// name writes the name of a type.
func (r *rewriter) name(pos token.Pos, obj *types.TypeName, args *types.TypeList) string {
	text := obj.Name()
	switch p := obj.Pkg(); {
	case p == nil || p == r.p.Types || p.Path() == r.p.Types.Path():
	case !obj.Exported():
		r.unsupported(pos, "a value of type "+p.Name()+"."+obj.Name()+", which can't be written here,")
	default:
		path := p.Path()
		if to := r.g.dropIns[path]; to != "" {
			path = to
		} else if to := r.g.new[path]; to != "" {
			path = to
		}
		if instead := standsFor(p.Path(), text); instead != "" {
			path = r.g.home + instead
		}
		text = r.imported(path) + "." + text
	}
	if args.Len() > 0 {
		var texts []string
		for i := range args.Len() {
			texts = append(texts, r.typ(pos, args.At(i)))
		}
		text += "[" + strings.Join(texts, ", ") + "]"
	}
	return text
}
