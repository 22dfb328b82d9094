// SPDX-License-Identifier: GPL-3.0-or-later
// The values of the status bar. Whoever knows one sets it; an empty value is not shown.
#pragma once

#include <QObject>
#include <QString>

#include <array>

namespace fulgurite {

enum class StatusField { Model, Device, Memory, Prefill, Decode, Queue, Saved, Count };

class StatusModel : public QObject {
    Q_OBJECT

  public:
    explicit StatusModel(QObject* parent = nullptr) : QObject(parent) {}

    // `strong` is the value, `rest` what explains it: "139 tok/s", "36 % of bandwidth".
    struct Value {
        QString strong;
        QString rest;
        bool operator==(const Value&) const = default;
    };

    const Value& value(StatusField field) const { return values_[static_cast<std::size_t>(field)]; }
    void set(StatusField field, const QString& strong, const QString& rest = {}) {
        Value& value = values_[static_cast<std::size_t>(field)];
        const Value wanted{strong, rest};
        if (value == wanted)
            return;
        value = wanted;
        emit changed();
    }

  signals:
    void changed();

  private:
    std::array<Value, static_cast<std::size_t>(StatusField::Count)> values_;
};

} // namespace fulgurite
