// Pion behind the suite's commands (see lib/agent.mjs).
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/pion/webrtc/v3"
)

const (
	period    = 4099
	highWater = 1 << 20
)

var alphabet = []rune("abcdefghijklmnopqrstuvwxyz\néж€語🚀")

func randomBytes(seed uint32) []byte {
	x := seed*2654435761 ^ 0x5bd1e995
	if x == 0 {
		x = 1
	}
	result := make([]byte, period)
	for i := range result {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		result[i] = byte(x >> 24)
	}
	return result
}

func repeat(block []byte, size int) []byte {
	result := make([]byte, size)
	for at := 0; at < size; at += len(block) {
		copy(result[at:], block)
	}
	return result
}

type item struct {
	Kind string
	Size int
	Seed uint32
}

func (i item) content() []byte {
	block := randomBytes(i.Seed)
	if i.Kind != "text" {
		return repeat(block, i.Size)
	}
	letters := []byte{}
	for _, b := range block {
		letters = append(letters, string(alphabet[b&31])...)
	}
	text := repeat(letters, i.Size)
	cut := len(text)
	for cut > 0 && !wholeEnd(text[:cut]) {
		cut--
	}
	for at := cut; at < len(text); at++ {
		text[at] = 'x'
	}
	return text
}

func wholeEnd(text []byte) bool {
	r, n := utf8.DecodeLastRune(text)
	return r != utf8.RuneError || n != 1
}

type request struct {
	Req         int
	Op          string
	Pc          string
	Key         string
	Label       string
	Options     options
	Restart     bool
	Description webrtc.SessionDescription
	Candidate   webrtc.ICECandidateInit
	Items       []item
	Gap         int
}

type options struct {
	Ordered           *bool
	MaxPacketLifeTime *uint16
	MaxRetransmits    *uint16
	Protocol          *string
	Negotiated        *bool
	ID                *uint16
}

type connection struct {
	id       string
	pc       *webrtc.PeerConnection
	lock     sync.Mutex
	channels map[string]*webrtc.DataChannel
}

type fields map[string]interface{}

var output sync.Mutex

func emit(line fields) {
	text, _ := json.Marshal(line)
	output.Lock()
	defer output.Unlock()
	os.Stdout.Write(append(text, '\n'))
}

var connections sync.Map

func at(id string) *connection {
	found, ok := connections.Load(id)
	if !ok {
		panic("no connection " + id)
	}
	return found.(*connection)
}

func describe(dc *webrtc.DataChannel) fields {
	return fields{"id": dc.ID(), "label": dc.Label(), "protocol": dc.Protocol(), "ordered": dc.Ordered(),
		"maxRetransmits": dc.MaxRetransmits(), "maxPacketLifeTime": dc.MaxPacketLifeTime(), "negotiated": dc.Negotiated()}
}

func (c *connection) follow(key string, dc *webrtc.DataChannel) {
	c.lock.Lock()
	c.channels[key] = dc
	c.lock.Unlock()
	dc.OnOpen(func() { emit(fields{"event": "open", "pc": c.id, "key": key, "info": describe(dc)}) })
	dc.OnClose(func() { emit(fields{"event": "closed", "pc": c.id, "key": key}) })
	dc.OnError(func(err error) { emit(fields{"event": "fault", "pc": c.id, "key": key, "message": err.Error()}) })
	dc.OnMessage(func(m webrtc.DataChannelMessage) {
		kind := "b"
		if m.IsString {
			kind = "t"
		}
		emit(fields{"event": "message", "pc": c.id, "key": key,
			"message": fmt.Sprintf("%s:%d:%x", kind, len(m.Data), crc32.ChecksumIEEE(m.Data))})
	})
}

func create(id string) error {
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	c := &connection{id: id, pc: pc, channels: map[string]*webrtc.DataChannel{}}
	connections.Store(id, c)
	pc.OnICECandidate(func(i *webrtc.ICECandidate) {
		if i == nil {
			emit(fields{"event": "gathered", "pc": id})
			return
		}
		emit(fields{"event": "candidate", "pc": id, "candidate": i.ToJSON()})
	})
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		emit(fields{"event": "state", "pc": id, "connection": s.String(), "ice": pc.ICEConnectionState().String()})
	})
	pc.OnDataChannel(func(dc *webrtc.DataChannel) {
		key := fmt.Sprintf("in %d", *dc.ID())
		emit(fields{"event": "channel", "pc": id, "key": key, "info": describe(dc)})
		c.follow(key, dc)
	})
	return nil
}

func (c *connection) send(r request) error {
	c.lock.Lock()
	dc := c.channels[r.Key]
	c.lock.Unlock()
	for _, i := range r.Items {
		for dc.BufferedAmount() > highWater {
			time.Sleep(2 * time.Millisecond)
		}
		var err error
		if data := i.content(); i.Kind == "text" {
			err = dc.SendText(string(data))
		} else {
			err = dc.Send(data)
		}
		if err != nil {
			return err
		}
		time.Sleep(time.Duration(r.Gap) * time.Millisecond)
	}
	return nil
}

func (c *connection) setLocal(d webrtc.SessionDescription, err error) (interface{}, error) {
	if err != nil {
		return nil, err
	}
	if err = c.pc.SetLocalDescription(d); err != nil {
		return nil, err
	}
	return c.pc.LocalDescription(), nil
}

func run(r request) (interface{}, error) {
	if r.Op == "create" {
		return nil, create(r.Pc)
	}
	c := at(r.Pc)
	switch r.Op {
	case "channel":
		o := r.Options
		dc, err := c.pc.CreateDataChannel(r.Label, &webrtc.DataChannelInit{Ordered: o.Ordered, MaxPacketLifeTime: o.MaxPacketLifeTime,
			MaxRetransmits: o.MaxRetransmits, Protocol: o.Protocol, Negotiated: o.Negotiated, ID: o.ID})
		if err == nil {
			c.follow(r.Key, dc)
		}
		return nil, err
	case "offer":
		return c.setLocal(c.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: r.Restart}))
	case "answer":
		return c.setLocal(c.pc.CreateAnswer(nil))
	case "local":
		return c.pc.LocalDescription(), nil
	case "accept":
		return nil, c.pc.SetRemoteDescription(r.Description)
	case "candidate":
		return nil, c.pc.AddICECandidate(r.Candidate)
	case "send":
		return nil, c.send(r)
	case "facts":
		return fields{"connectionState": c.pc.ConnectionState().String(), "iceConnectionState": c.pc.ICEConnectionState().String(),
			"signalingState": c.pc.SignalingState().String()}, nil
	case "closeChannel":
		c.lock.Lock()
		dc := c.channels[r.Key]
		c.lock.Unlock()
		return nil, dc.Close()
	case "close":
		connections.Delete(r.Pc)
		return nil, c.pc.Close()
	}
	return nil, fmt.Errorf("unknown operation %s", r.Op)
}

func serve(r request) {
	defer func() {
		if why := recover(); why != nil {
			emit(fields{"req": r.Req, "error": fields{"name": "panic", "message": fmt.Sprint(why)}})
		}
	}()
	result, err := run(r)
	if err != nil {
		emit(fields{"req": r.Req, "error": fields{"name": "error", "message": err.Error()}})
		return
	}
	if result == nil {
		result = fields{}
	}
	emit(fields{"req": r.Req, "result": result})
}

func main() {
	emit(fields{"event": "ready"})
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	decoder := json.NewDecoder(in)
	for {
		var r request
		if decoder.Decode(&r) != nil {
			return
		}
		if r.Op == "send" { // takes its time: the other commands must not wait for it
			go serve(r)
		} else {
			serve(r)
		}
	}
}
