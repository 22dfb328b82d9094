// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/nodes/certificate_notice.h"

#include "ui/base/theme_manager.h"
#include "ui/nodes/remote_link.h"

#include <QAccessible>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

namespace fulgurite {

namespace {
constexpr int kGroup = 8;
} // namespace

QString spelledFingerprint(const QString& fingerprint) {
    QString digits = fingerprint.toLower();
    digits.remove(u':').remove(u' ');
    QStringList groups;
    for (qsizetype i = 0; i < digits.size(); i += kGroup)
        groups << digits.mid(i, kGroup);
    return groups.join(u' ');
}

CertificateNotice::CertificateNotice(ThemeManager& themes, QWidget* parent)
    : QFrame(parent),
      themes_(themes),
      title_(new QLabel),
      text_(new QLabel),
      digits_(new QLabel),
      trust_(new QPushButton(tr("Trust this certificate"))) {
    trust_->setAccessibleName(trust_->text());
    setProperty("surface", "card");
    setAccessibleName(tr("Certificate of the node"));
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(14, 10, 12, 10);
    row->setSpacing(12);
    auto* column = new QVBoxLayout;
    column->setSpacing(4);
    title_->setProperty("tone", "strong");
    for (QLabel* each : {text_, digits_}) {
        each->setWordWrap(true);
        each->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    }
    for (QLabel* each : {title_, text_, digits_})
        column->addWidget(each);
    row->addLayout(column, 1);
    row->addWidget(trust_, 0, Qt::AlignTop);
    connect(trust_, &QPushButton::clicked, this, [this] {
        if (link_ && link_->offered())
            emit accepted(QString::fromStdString(link_->offered()->fingerprint));
    });
    connect(&themes, &ThemeManager::changed, this, &CertificateNotice::refresh);
    hide();
}

void CertificateNotice::watch(RemoteLink* link, const QString& name) {
    if (link_)
        link_->disconnect(this);
    link_ = link;
    name_ = name;
    if (link)
        connect(link, &NodeLink::stateChanged, this, &CertificateNotice::refresh);
    refresh();
}

void CertificateNotice::refresh() {
    const bool shown = link_ && link_->offered();
    setVisible(shown);
    if (!shown)
        return;
    const client::CertificateInfo& seen = *link_->offered();
    const QString pinned = link_->entry().fingerprint;
    const bool changed = !pinned.isEmpty();
    title_->setText(changed ? tr("%1 shows another certificate than the one you accepted").arg(name_)
                            : tr("%1 has a certificate that no authority vouches for").arg(name_));
    text_->setText(changed ? tr("Nothing was sent, your token neither. Unless its administrator has made a new "
                                "certificate, somebody "
                                "may be in between. Ask by another way than the network before you accept it.")
                           : tr("Nothing was sent. Compare its SHA-256 with what the node printed at its start; "
                                "accepted once, no other "
                                "is taken. %1, valid until %2.")
                                 .arg(QString::fromStdString(seen.subject), QString::fromStdString(seen.expires)));
    const QString now = spelledFingerprint(QString::fromStdString(seen.fingerprint));
    digits_->setText(changed ? tr("accepted  %1\nshown       %2").arg(spelledFingerprint(pinned), now) : now);
    digits_->setFont(themes_.codeFont(11));
    QPalette colors = title_->palette();
    colors.setColor(QPalette::WindowText, themes_.color(changed ? Role::Bad : Role::Text));
    title_->setPalette(colors);
    trust_->setText(changed ? tr("Accept the new one") : tr("Trust this certificate"));
    trust_->setAccessibleName(trust_->text());
    setAccessibleDescription(title_->text() + QStringLiteral(". ") + text_->text() + u' ' + digits_->text());
}

} // namespace fulgurite
