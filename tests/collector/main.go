// SPDX-License-Identifier: GPL-2.0-only

// An OpenTelemetry Collector for tests: upstream's OTLP receiver and exporters, and a file exporter like
// that of the contrib distribution, which Debian does not have: one OTLP/JSON object a line.
package main

import (
	"context"
	"log"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/debugexporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/memorylimiterprocessor"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
)

// Pause: between what is written and the answer, so that a test can kill the Collector there.
type fileConfig struct {
	Path  string        `mapstructure:"path"`
	Pause time.Duration `mapstructure:"pause"`
}

type fileExporter struct {
	config    fileConfig
	lock      sync.Mutex
	file      *os.File
	marshaler plog.JSONMarshaler
}

func (e *fileExporter) start(context.Context, component.Host) (err error) {
	e.file, err = os.OpenFile(e.config.Path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return err
}

func (e *fileExporter) shutdown(context.Context) error {
	if e.file == nil {
		return nil
	}
	return e.file.Close()
}

// One write(2) before the sender has its answer: what the Collector has taken is there when it is killed.
func (e *fileExporter) push(_ context.Context, logs plog.Logs) error {
	line, err := e.marshaler.MarshalLogs(logs)
	if err != nil {
		return err
	}
	e.lock.Lock()
	defer e.lock.Unlock()
	_, err = e.file.Write(append(line, '\n'))
	time.Sleep(e.config.Pause)
	return err
}

func createFile(ctx context.Context, set exporter.Settings, config component.Config) (exporter.Logs, error) {
	e := &fileExporter{config: *config.(*fileConfig)}
	return exporterhelper.NewLogs(ctx, set, config, e.push, exporterhelper.WithStart(e.start),
		exporterhelper.WithShutdown(e.shutdown), exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{}))
}

func components() (factories otelcol.Factories, err error) {
	file := exporter.NewFactory(component.MustNewType("file"),
		func() component.Config { return &fileConfig{} },
		exporter.WithLogs(createFile, component.StabilityLevelStable))
	receivers, err := otelcol.MakeFactoryMap[receiver.Factory](otlpreceiver.NewFactory())
	if err != nil {
		return factories, err
	}
	processors, err := otelcol.MakeFactoryMap[processor.Factory](memorylimiterprocessor.NewFactory())
	if err != nil {
		return factories, err
	}
	exporters, err := otelcol.MakeFactoryMap(file, debugexporter.NewFactory(), otlphttpexporter.NewFactory())
	return otelcol.Factories{Receivers: receivers, Processors: processors, Exporters: exporters,
		Telemetry: otelconftelemetry.NewFactory()}, err
}

func main() {
	command := otelcol.NewCommand(otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{Command: "otelcol", Description: "for the tests of pyaudit-trace", Version: "0"},
		Factories: components,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory(), envprovider.NewFactory()},
		}},
	})
	if err := command.Execute(); err != nil {
		log.Fatal(err)
	}
}
