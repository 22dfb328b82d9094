// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/chip_editor.h"

#include "ui/base/format.h"
#include "ui/prompt/flow_layout.h"

#include <QDoubleSpinBox>
#include <QKeyEvent>
#include <QLineEdit>
#include <QPushButton>

#include <algorithm>

namespace fulgurite {
namespace {

QPushButton* makeChip(const QString& text, const QString& what, QWidget* parent) {
    auto* chip = new QPushButton(text.size() > 28 ? text.left(27) + u'…' : text, parent);
    chip->setAccessibleName(QObject::tr("Remove %1 %2").arg(what, text));
    chip->setToolTip(QObject::tr("%1\nClick to remove").arg(text));
    return chip;
}

} // namespace

StopStringEditor::StopStringEditor(QWidget* parent)
    : QWidget(parent),
      flow_(new FlowLayout(this)),
      field_(new QLineEdit(this)),
      add_(new QPushButton(tr("+ stop string"), this)) {
    field_->setPlaceholderText(tr("text, \\n for a new line"));
    field_->setAccessibleName(tr("New stop string"));
    field_->setFixedWidth(150);
    field_->installEventFilter(this);
    field_->hide();
    add_->setProperty("kind", "quiet");
    connect(add_, &QPushButton::clicked, this, [this] {
        field_->show();
        field_->setFocus();
        updateGeometry();
    });
    connect(field_, &QLineEdit::returnPressed, this, &StopStringEditor::finish);
    rebuild();
}

QString StopStringEditor::escaped(const QString& text) {
    QString result = text;
    return result.replace(u'\\', QStringLiteral("\\\\"))
        .replace(u'\n', QStringLiteral("\\n"))
        .replace(u'\t', QStringLiteral("\\t"));
}

QString StopStringEditor::unescaped(const QString& text) {
    QString result;
    for (qsizetype i = 0; i < text.size(); ++i) {
        const bool pair = text[i] == u'\\' && i + 1 < text.size();
        const QChar next = pair ? text[i + 1] : QChar();
        if (pair && (next == u'n' || next == u't' || next == u'\\')) {
            result += next == u'n' ? u'\n' : next == u't' ? u'\t' : u'\\';
            ++i;
        } else {
            result += text[i];
        }
    }
    return result;
}

void StopStringEditor::setStrings(const QStringList& strings) {
    strings_ = strings;
    rebuild();
}

void StopStringEditor::rebuild() {
    qDeleteAll(chips_);
    chips_.clear();
    while (QLayoutItem* item = flow_->takeAt(0)) {
        delete item;
    }
    for (const QString& string : strings_) {
        QPushButton* chip = makeChip(escaped(string), tr("stop string"), this);
        connect(chip, &QPushButton::clicked, this, [this, string] {
            strings_.removeAll(string);
            QMetaObject::invokeMethod(
                this, [this] { rebuild(); }, Qt::QueuedConnection);
            emit changed();
        });
        chips_.push_back(chip);
        flow_->addWidget(chip);
        chip->show();
    }
    flow_->addWidget(field_);
    flow_->addWidget(add_);
    updateGeometry();
}

void StopStringEditor::finish() {
    const QString text = unescaped(field_->text());
    if (!text.isEmpty() && !strings_.contains(text)) {
        strings_ += text;
        field_->clear();
        rebuild();
        emit changed();
    }
}

bool StopStringEditor::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::KeyPress && static_cast<QKeyEvent*>(event)->key() == Qt::Key_Escape) {
        field_->clear();
        field_->hide();
        add_->setFocus();
        return true;
    }
    return QWidget::eventFilter(watched, event);
}

LogitBiasEditor::LogitBiasEditor(QWidget* parent)
    : QWidget(parent),
      flow_(new FlowLayout(this)),
      token_(new QLineEdit(this)),
      bias_(new QDoubleSpinBox(this)),
      add_(new QPushButton(tr("+ bias"), this)) {
    token_->setPlaceholderText(tr("token text or id"));
    token_->setAccessibleName(tr("Token to bias"));
    token_->setFixedWidth(120);
    token_->installEventFilter(this);
    bias_->setRange(-100, 100);
    bias_->setDecimals(1);
    bias_->setValue(-100);
    bias_->setButtonSymbols(QAbstractSpinBox::NoButtons);
    bias_->setAccessibleName(tr("Bias, added to the logit"));
    bias_->setFixedWidth(64);
    bias_->installEventFilter(this);
    add_->setProperty("kind", "quiet");
    connect(add_, &QPushButton::clicked, this, [this] {
        if (token_->isHidden()) {
            openFields(true);
            token_->setFocus();
        } else {
            finish();
        }
    });
    connect(token_, &QLineEdit::returnPressed, this, &LogitBiasEditor::finish);
    openFields(false);
    rebuild();
}

void LogitBiasEditor::openFields(bool open) {
    token_->setVisible(open);
    bias_->setVisible(open);
    add_->setText(open ? tr("Add") : tr("+ bias"));
    token_->setToolTip({});
    updateGeometry();
}

void LogitBiasEditor::setBiases(const QList<LogitBias>& biases) {
    biases_ = biases;
    rebuild();
}

void LogitBiasEditor::setModel(const QString& model) {
    if (model_ != model) {
        model_ = model;
        rebuild();
    }
}

void LogitBiasEditor::addBias(const LogitBias& bias) {
    const auto same =
        std::find_if(biases_.begin(), biases_.end(), [&](const LogitBias& other) { return other.id == bias.id; });
    if (same != biases_.end()) {
        *same = bias;
    } else {
        biases_ += bias;
    }
    token_->clear();
    setMessage({});
    rebuild();
    emit changed();
}

void LogitBiasEditor::setMessage(const QString& message) {
    token_->setToolTip(message);
    token_->setAccessibleDescription(message);
    if (!message.isEmpty()) {
        token_->setPlaceholderText(message);
        token_->clear();
    } else {
        token_->setPlaceholderText(tr("token text or id"));
    }
}

void LogitBiasEditor::rebuild() {
    qDeleteAll(chips_);
    chips_.clear();
    while (QLayoutItem* item = flow_->takeAt(0)) {
        delete item;
    }
    for (const LogitBias& bias : biases_) {
        const QString name =
            bias.text.isEmpty() ? QStringLiteral("#%1").arg(bias.id) : u'“' + readableToken(bias.text) + u'”';
        const bool elsewhere = !bias.model.isEmpty() && bias.model != model_;
        QPushButton* chip = makeChip(name + u' ' + QString::number(bias.bias) + (elsewhere ? tr(", not sent") : QString()),
                                     tr("bias"), this);
        if (elsewhere) {
            chip->setProperty("kind", "quiet");
            chip->setToolTip(
                tr("A token of %1: to this model its number is another word, so it is not sent.\nClick to remove")
                    .arg(bias.model));
        }
        connect(chip, &QPushButton::clicked, this, [this, id = bias.id] {
            biases_.removeIf([id](const LogitBias& other) { return other.id == id; });
            QMetaObject::invokeMethod(
                this, [this] { rebuild(); }, Qt::QueuedConnection);
            emit changed();
        });
        chips_.push_back(chip);
        flow_->addWidget(chip);
        chip->show();
    }
    flow_->addWidget(token_);
    flow_->addWidget(bias_);
    flow_->addWidget(add_);
    updateGeometry();
}

void LogitBiasEditor::finish() {
    bool is_id = false;
    const int id = token_->text().trimmed().toInt(&is_id);
    if (is_id && id >= 0) {
        addBias({id, {}, bias_->value(), model_});
    } else if (!token_->text().isEmpty()) {
        emit lookupRequested(token_->text(), bias_->value());
    }
}

bool LogitBiasEditor::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::KeyPress) {
        const int key = static_cast<QKeyEvent*>(event)->key();
        if (key == Qt::Key_Escape) {
            openFields(false);
            add_->setFocus();
            return true;
        }
        if (watched == bias_ && (key == Qt::Key_Return || key == Qt::Key_Enter)) {
            bias_->interpretText();
            finish();
            return true;
        }
    }
    return QWidget::eventFilter(watched, event);
}

} // namespace fulgurite
