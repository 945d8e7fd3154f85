package report

// machineSection is what the configuration lines say of the machine and of the run.
func machineSection() section {
	return section{json: machineJSON, page: machinePage, html: machineHTML}
}

type jsonFact struct {
	Key    string   `json:"key"`
	Values []string `json:"values"`
}

func machineJSON(s *Set) []jsonField {
	fs := []jsonFact{}
	for _, f := range s.Facts {
		fs = append(fs, jsonFact(f))
	}
	return []jsonField{{"facts", fs}}
}

func machinePage(s *Set) []part {
	return []part{{ID: "machine", Nav: "Machine", Title: "Machine", Data: s.Facts}}
}

const machineHTML = `{{if .}}<dl>
{{range .}}<dt>{{.Key}}</dt><dd>{{range $i, $v := .Values}}{{if $i}}; {{end}}{{$v}}{{end}}</dd>
{{end}}</dl>
{{else}}<p>The files don't say on what machine they were measured.</p>
{{end}}`
