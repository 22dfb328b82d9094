// SPDX-License-Identifier: GPL-3.0-or-later
// Words about the local engine.
#include "ui/engine/engine_report.h"

#include "ui/base/notices.h"
#include "ui/engine/engine_link.h"
#include "ui/engine/local_engine.h"
#include "ui/shell/status_model.h"

#include <QLocale>

#include <cmath>

namespace fulgurite {
namespace {

QString rate(double tokens_per_second) {
    return tokens_per_second > 0
               ? QStringLiteral("%1 tok/s")
                     .arg(QLocale::c().toString(tokens_per_second, 'f', tokens_per_second < 10 ? 1 : 0))
               : QString();
}

} // namespace

QString formatBytes(double bytes) {
    static const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    int unit = 0;
    while (bytes >= 1000 && unit < 4) {
        bytes /= 1024;
        ++unit;
    }
    const int decimals = unit == 0 || bytes >= 100 ? 0 : bytes >= 10 ? 1 : 2;
    return QStringLiteral("%1 %2").arg(bytes, 0, 'f', decimals).arg(QLatin1String(units[unit]));
}

EngineReport::EngineReport(LocalEngine& engine, EngineLink& link, StatusModel& status, Notices& notices,
                           QObject* parent)
    : QObject(parent), engine_(engine), link_(link), status_(status), notices_(notices) {
    connect(&engine, &LocalEngine::stateChanged, this, &EngineReport::reportState);
    connect(&link, &EngineLink::infoChanged, this, &EngineReport::reportInfo);
    connect(&link, &EngineLink::loadChanged, this, &EngineReport::reportLoad);
}

void EngineReport::reportState() {
    const QString id = QStringLiteral("engine");
    const bool failed = engine_.state() == EngineState::Failed;
    if (!failed && engine_.state() != EngineState::Lost) {
        notices_.dismiss(id);
        return;
    }
    const QString after = failed ? QString() : QStringLiteral(" What you were writing is kept.");
    notices_.post({.id = id,
                   .severity = Severity::Error,
                   .text = engine_.message() + after,
                   .details = engine_.logTail(),
                   .actions = {{failed ? QStringLiteral("Try again") : QStringLiteral("Restart"),
                                [this] { engine_.start(); }}}});
}

void EngineReport::reportInfo() {
    if (!link_.load())
        for (const StatusField field :
             {StatusField::Memory, StatusField::Prefill, StatusField::Decode, StatusField::Queue})
            status_.set(field, {});
    if (!link_.info()) {
        status_.set(StatusField::Model, {});
        status_.set(StatusField::Device, {});
        return;
    }
    const client::EngineInfo& info = *link_.info();
    if (info.model.weight_bytes == 0) { // another program's server, which does not tell
        status_.set(StatusField::Model, QString::fromStdString(info.model.id));
        const std::string_view kind = nameOf(link_.current().facts().kind);
        status_.set(StatusField::Device, QString::fromUtf8(kind.data(), static_cast<qsizetype>(kind.size())));
        return;
    }
    status_.set(StatusField::Model, QString::fromStdString(info.model.id),
                QStringLiteral("%1, %2").arg(formatBytes(static_cast<double>(info.model.weight_bytes)),
                                             QString::fromStdString(info.model.dtype)));
    status_.set(StatusField::Device, QStringLiteral("CPU"),
                QStringLiteral("%1, %2 cores").arg(QString::fromStdString(info.simd)).arg(info.cores));
}

void EngineReport::reportLoad() {
    const client::EngineLoad& load = *link_.load();
    status_.set(StatusField::Memory, formatBytes(static_cast<double>(load.state_bytes + load.snapshot_bytes)),
                QStringLiteral("of %1 kept").arg(formatBytes(static_cast<double>(load.memory_limit))));
    status_.set(StatusField::Prefill, rate(load.prefill_tokens_per_second));
    status_.set(StatusField::Decode, rate(load.decode_tokens_per_second));
    status_.set(StatusField::Queue, load.queued > 0 ? QString::number(load.queued) : QString());
}

} // namespace fulgurite
